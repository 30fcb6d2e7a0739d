/** What was found for one query, best first. */
export interface Ranking {
  /** Rows of documents. */
  readonly rows: Uint32Array;
  readonly scores: Float64Array;
}

/**
 * The order of rows whose scores are equal: trec_eval takes the one with the greater id first, so rows are counted by falling ids.
 */
export interface TieOrder {
  /** `[rows]` how many rows have a greater id. */
  readonly places: Uint32Array;
  /** `[rows]` the row at each place. */
  readonly rows: Uint32Array;
}

export function tieOrder(ids: readonly string[]): TieOrder {
  const rows = Uint32Array.from(ids, (_, row) => row);
  rows.sort((a, b) => (ids[a] > ids[b] ? -1 : 1));
  const places = new Uint32Array(rows.length);
  for (let place = 0; place < rows.length; place++) places[rows[place]] = place;
  return { places, rows };
}

/**
 * Keeps the best rows of a stream of scores: a binary heap in typed arrays with the worst of them on top, against which most candidates lose.
 */
export class BestRows {
  private readonly scores: Float64Array;
  private readonly places: Uint32Array;
  private size = 0;

  /** @param depth - most rows that are kept. */
  constructor(
    private readonly depth: number,
    private readonly order: TieOrder,
  ) {
    this.scores = new Float64Array(depth);
    this.places = new Uint32Array(depth);
  }

  add(row: number, score: number): void {
    const { scores, size, depth } = this;
    if (size === depth && score < scores[0]) return;
    const place = this.order.places[row];
    if (size < depth) {
      this.size++;
      this.rise(size, score, place);
    } else if (score > scores[0] || place < this.places[0]) this.sink(score, place);
  }

  /** What was kept. The next stream may begin then. */
  take(): Ranking {
    const { scores, places, size, order } = this;
    const slots = Array.from({ length: size }, (_, slot) => slot);
    slots.sort((a, b) => scores[b] - scores[a] || places[a] - places[b]);
    this.size = 0;
    return {
      rows: Uint32Array.from(slots, (slot) => order.rows[places[slot]]),
      scores: Float64Array.from(slots, (slot) => scores[slot]),
    };
  }

  /** Puts a row in where it is worse than its parent no longer, from a free slot at the bottom. */
  private rise(slot: number, score: number, place: number): void {
    let at = slot;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.isWorse(score, place, parent)) break;
      this.move(parent, at);
      at = parent;
    }
    this.put(at, score, place);
  }

  /** Puts a row in in place of the worst. */
  private sink(score: number, place: number): void {
    const { scores, places, size } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.isWorse(scores[child + 1], places[child + 1], child)) child++;
      if (this.isWorse(score, place, child)) break;
      this.move(child, at);
      at = child;
    }
    this.put(at, score, place);
  }

  private isWorse(score: number, place: number, slot: number): boolean {
    const { scores, places } = this;
    return score < scores[slot] || (score === scores[slot] && place > places[slot]);
  }

  private move(from: number, to: number): void {
    this.put(to, this.scores[from], this.places[from]);
  }

  private put(slot: number, score: number, place: number): void {
    this.scores[slot] = score;
    this.places[slot] = place;
  }
}
