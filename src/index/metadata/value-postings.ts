import { bitmapWords, isWithin, orBits, setBit } from '../bitmap.ts';

/** Which documents have which of the values of a column, which are numbered in ascending order. */
export class ValuePostings {
  private readonly bitmapWords: number;

  /**
   * @param starts - `[values + 1]` where each value's documents begin.
   * @param words - the documents: for each value a list, or a bitmap where it has as many words as one.
   */
  constructor(
    private readonly starts: Uint32Array,
    private readonly words: Uint32Array,
    private readonly documents: number,
  ) {
    this.bitmapWords = bitmapWords(documents);
  }

  /** Whether it is what a writer writes, so that `mark` stays within its bitmap. */
  isSound(): boolean {
    const { starts, words } = this;
    const values = starts.length - 1;
    if (starts[0] !== 0 || starts[values] !== words.length) return false;
    for (let value = 0; value < values; value++) if (starts[value] >= starts[value + 1]) return false;
    for (let value = 0; value < values; value++)
      if (!this.isSoundAt(starts[value], starts[value + 1])) return false;
    return true;
  }

  /** Sets the bits of the documents that have one of the values `first` up to, but not including, `end`. */
  mark(first: number, end: number, into: Uint32Array): void {
    const { starts, words } = this;
    for (let value = first; value < end; value++) {
      const start = starts[value];
      const after = starts[value + 1];
      if (after - start === this.bitmapWords) orBits(into, words.subarray(start, after));
      else for (let i = start; i < after; i++) setBit(into, words[i]);
    }
  }

  private isSoundAt(start: number, end: number): boolean {
    const { words, documents } = this;
    if (end - start > this.bitmapWords) return false;
    if (end - start === this.bitmapWords) return isWithin(words.subarray(start, end), documents);
    for (let i = start + 1; i < end; i++) if (words[i - 1] >= words[i]) return false;
    return words[end - 1] < documents;
  }
}
