const EMPTY = new Uint32Array(0);

/** Unsigned words, as many as come. */
export class WordList {
  private array = EMPTY;
  length = 0;

  /** What was pushed, until the next push. */
  get words(): Uint32Array {
    return this.array.subarray(0, this.length);
  }

  at(i: number): number {
    return this.array[i];
  }

  set(i: number, word: number): void {
    this.array[i] = word;
  }

  push(word: number): void {
    if (this.length === this.array.length) {
      const grown = new Uint32Array(Math.max(4, 2 * this.length));
      grown.set(this.array);
      this.array = grown;
    }
    this.array[this.length++] = word;
  }
}
