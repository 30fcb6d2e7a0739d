/** Rows of several parts, best first. */
export interface RankedRows {
  /** `[rows]` number of the part that each is in. */
  readonly parts: Uint32Array;
  /** `[rows]` number of each within its part. */
  readonly rows: Uint32Array;
  /** `[rows]`, descending. */
  readonly scores: Float32Array;
}

/**
 * Keeps the k best of scored rows: a binary heap in typed arrays with the worst of them on top. Rows come in ascending order of part and row, and of
 * equal scores the earlier one stays.
 */
export class TopRows {
  private count = 0;
  private readonly scores: Float32Array;
  /** In the order of arrival, which decides between equal scores. */
  private readonly arrivals: Uint32Array;
  private readonly parts: Uint32Array;
  private readonly rows: Uint32Array;
  private arrived = 0;

  constructor(private readonly k: number) {
    this.scores = new Float32Array(k);
    this.arrivals = new Uint32Array(k);
    this.parts = new Uint32Array(k);
    this.rows = new Uint32Array(k);
  }

  /** Takes the rows of a part whose score is above 0 and whose bit is set in the mask, where there is one. */
  collect(part: number, scores: Float32Array, mask: Uint32Array | undefined): void {
    if (this.k === 0) return;
    let threshold = this.threshold;
    for (let row = 0; row < scores.length; row++) {
      const score = scores[row];
      if (score <= threshold) continue;
      if (mask && ((mask[row >>> 5] >>> (row & 31)) & 1) === 0) continue;
      this.add(part, row, score);
      threshold = this.threshold;
    }
  }

  /** What was kept, best first; equal scores in the order of part and row. */
  ranked(): RankedRows {
    const { scores, arrivals, count } = this;
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    order.sort((a, b) => scores[b] - scores[a] || arrivals[a] - arrivals[b]);
    return {
      parts: Uint32Array.from(order, (at) => this.parts[at]),
      rows: Uint32Array.from(order, (at) => this.rows[at]),
      scores: Float32Array.from(order, (at) => scores[at]),
    };
  }

  /** What a score must exceed. */
  private get threshold(): number {
    return this.count < this.k ? 0 : this.scores[0];
  }

  private add(part: number, row: number, score: number): void {
    const isFull = this.count === this.k;
    const at = isFull ? this.placeInstead(score) : this.placeBelow(this.count++, score);
    this.scores[at] = score;
    this.parts[at] = part;
    this.rows[at] = row;
    this.arrivals[at] = this.arrived++;
  }

  /** Moves parents down from a new place at the end until the score fits. A newcomer is worse than what it equals. */
  private placeBelow(end: number, score: number): number {
    let at = end;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.scores[parent] < score) break;
      this.move(parent, at);
      at = parent;
    }
    return at;
  }

  /** Drops the worst, and moves children up from the top until the score fits. */
  private placeInstead(score: number): number {
    const { scores, count } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) return at;
      if (child + 1 < count && this.isWorse(child + 1, child)) child++;
      // A newcomer is worse than what it equals, so it stays above it.
      if (scores[child] >= score) return at;
      this.move(child, at);
      at = child;
    }
  }

  private isWorse(a: number, b: number): boolean {
    const { scores, arrivals } = this;
    return scores[a] !== scores[b] ? scores[a] < scores[b] : arrivals[a] > arrivals[b];
  }

  private move(from: number, to: number): void {
    this.scores[to] = this.scores[from];
    this.parts[to] = this.parts[from];
    this.rows[to] = this.rows[from];
    this.arrivals[to] = this.arrivals[from];
  }
}
