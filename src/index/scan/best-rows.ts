/**
 * The best rows of a scan as keys that order them: the score in the upper half, with its sign bit turned, so that it compares
 * without a sign, and the complement of the row's number in the lower half. Larger keys are better rows, and of equal scores the earlier
 * row is better. Here they are pairs of words, the lower half first, as the kernels write them.
 */
export class BestRows {
  private words: Uint32Array<ArrayBuffer>;
  private count = 0;
  private least = Number.NEGATIVE_INFINITY;

  /** @param most - how many are kept. */
  constructor(private readonly most: number) {
    this.words = new Uint32Array(2 * Math.min(2 * most, 1024));
  }

  /** What a score must exceed to get in, where rows come in their order. */
  get threshold(): number {
    return this.least;
  }

  /** @param score - a whole number of 32 bits, greater than the threshold. */
  add(score: number, row: number): void {
    this.makeRoom(1);
    this.words[2 * this.count] = ~row;
    this.words[2 * this.count + 1] = score ^ 0x80000000;
    this.count++;
  }

  /** Adds what a thread has kept. */
  addKeys(words: Uint32Array): void {
    this.makeRoom(words.length / 2);
    this.words.set(words, 2 * this.count);
    this.count += words.length / 2;
  }

  /** Row numbers and their scores, best first. */
  sorted(): { rows: Uint32Array; scores: Int32Array } {
    this.cut();
    const rows = new Uint32Array(this.count);
    const scores = new Int32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      rows[i] = ~this.words[2 * i];
      scores[i] = this.words[2 * i + 1] ^ 0x80000000;
    }
    return { rows, scores };
  }

  /** Room is made by leaving out all but the best, once there are twice as many as are kept. */
  private makeRoom(more: number): void {
    if (this.count >= 2 * this.most) this.cut();
    const needed = 2 * (this.count + more);
    if (needed <= this.words.length) return;
    const larger = new Uint32Array(Math.max(needed, 2 * this.words.length));
    larger.set(this.words.subarray(0, 2 * this.count));
    this.words = larger;
  }

  private cut(): void {
    const keys = new BigUint64Array(this.words.buffer, 0, this.count);
    keys.sort().reverse();
    this.count = Math.min(this.count, this.most);
    if (this.count === this.most) this.least = this.words[2 * this.count - 1] ^ 0x80000000;
  }
}
