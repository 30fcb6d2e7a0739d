/** Something found, and how near it is. */
export interface Scored {
  readonly id: string;
  readonly score: number;
  /** Its number among the candidates. */
  readonly at: number;
}

/**
 * Keeps the k best of a stream. A binary heap with the worst of them on top: most candidates lose against that one and
 * cost a comparison. Equal scores are ordered by id, so results do not depend on the order of arrival.
 */
export class TopK {
  private readonly heap: Scored[] = [];

  constructor(private readonly k: number) {}

  /** What a candidate must reach to get in. */
  get threshold(): number {
    return this.heap.length < this.k ? Number.NEGATIVE_INFINITY : this.heap[0].score;
  }

  add(id: string, score: number, at: number): void {
    const { heap } = this;
    const candidate = { id, score, at };
    if (heap.length < this.k) {
      heap.push(candidate);
      this.rise(heap.length - 1);
    } else if (this.k > 0 && isBetter(candidate, heap[0])) {
      heap[0] = candidate;
      this.sink();
    }
  }

  /** What was kept, best first. */
  sorted(): Scored[] {
    return [...this.heap].sort((a, b) => (isBetter(a, b) ? -1 : 1));
  }

  private rise(at: number): void {
    const { heap } = this;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBetter(heap[parent], heap[at])) return;
      [heap[parent], heap[at]] = [heap[at], heap[parent]];
      at = parent;
    }
  }

  private sink(): void {
    const { heap } = this;
    for (let at = 0; ; ) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isBetter(heap[worst], heap[child])) worst = child;
      }
      if (worst === at) return;
      [heap[worst], heap[at]] = [heap[at], heap[worst]];
      at = worst;
    }
  }
}

function isBetter(a: Scored, b: Scored): boolean {
  return a.score !== b.score ? a.score > b.score : a.id < b.id;
}
