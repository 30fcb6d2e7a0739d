import { bitmapWords, isWithin, orBits } from '../bitmap.ts';
import { ByteCursor } from './byte-cursor.ts';
import { COLUMN_COUNTS, corrupt } from './columns-layout.ts';
import { SortedNumbers, SortedTexts, type SortedValues } from './sorted-values.ts';
import type { Range, ValueTest } from './source.ts';
import { ValuePostings } from './value-postings.ts';

/** What the documents of a segment have in a field, in place of its bytes. */
export class Column {
  private constructor(
    private readonly present: Uint32Array,
    private readonly booleans: { readonly true: Uint32Array; readonly false: Uint32Array } | undefined,
    private readonly numbers: ValueColumn<number>,
    private readonly dates: ValueColumn<number>,
    private readonly texts: ValueColumn<string>,
  ) {}

  /**
   * @param bytes - at a multiple of 8 in their buffer.
   * @param name - of the file, for messages.
   * @throws SternaError `corrupt-file`; all of it is checked.
   */
  static from(bytes: Uint8Array, documents: number, name: string): Column {
    const cursor = new ByteCursor(bytes, name);
    const words = bitmapWords(documents);
    const [numberCount, numberWords, dateCount, dateWords, textCount, textWords, units, hasBooleans] =
      cursor.words(COLUMN_COUNTS);
    const postings = (count: number, postingWords: number) =>
      new ValuePostings(cursor.words(count + 1), cursor.words(postingWords), documents);
    const numbersOf = (count: number, postingWords: number) =>
      new ValueColumn(new SortedNumbers(cursor.doubles(count)), postings(count, postingWords));
    const present = cursor.words(words);
    const booleans = hasBooleans ? { true: cursor.words(words), false: cursor.words(words) } : undefined;
    const numbers = numbersOf(numberCount, numberWords);
    const dates = numbersOf(dateCount, dateWords);
    const texts = new SortedTexts(cursor.words(textCount + 1), cursor.units(units));
    const textColumn = new ValueColumn(texts, postings(textCount, textWords));
    const bitmaps = booleans ? [present, booleans.true, booleans.false] : [present];
    const areWithin = bitmaps.every((bitmap) => isWithin(bitmap, documents));
    if (!areWithin || !cursor.isAtEnd || ![numbers, dates, textColumn].every((values) => values.isSound())) {
      throw corrupt(name, 'a column is not as it should be');
    }
    return new Column(present, booleans, numbers, dates, textColumn);
  }

  /** Sets the bits of the documents that pass the test. */
  match(test: ValueTest, into: Uint32Array): void {
    if (test.type === 'present') orBits(into, this.present);
    else if (test.type === 'boolean') this.markBooleans(test.value, into);
    else if (test.type === 'text') this.texts.mark(test.range, into);
    else if (test.type === 'number') this.numbers.mark(test.range, into);
    else this.dates.mark(test.range, into);
  }

  private markBooleans(value: boolean, into: Uint32Array): void {
    if (this.booleans) orBits(into, value ? this.booleans.true : this.booleans.false);
  }
}

/** Values of a type, and their documents. */
class ValueColumn<T extends string | number> {
  constructor(
    private readonly values: SortedValues<T>,
    private readonly postings: ValuePostings,
  ) {}

  isSound(): boolean {
    return this.values.isSound() && this.postings.isSound();
  }

  mark({ from, to, isAfterFrom, isBeforeTo }: Range<T>, into: Uint32Array): void {
    const first = from === undefined ? 0 : this.place(from, isAfterFrom === true);
    const end = to === undefined ? this.values.length : this.place(to, isBeforeTo !== true);
    this.postings.mark(first, end, into);
  }

  /** Number of values that are less than the bound, or equal where `isAfter`. */
  private place(bound: T, isAfter: boolean): number {
    let low = 0;
    let high = this.values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.values.compare(middle, bound);
      if (order < 0 || (order === 0 && isAfter)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
