import { ByteCursor } from './byte-list.ts';
import { corrupt, MOST_INLINE } from './section-layout.ts';

/** What a block is part of. */
export interface BlockPlace {
  /** Number of the block, for messages. */
  readonly number: number;
  readonly firstTerm: number;
  /** Terms are below this. */
  readonly termLimit: number;
  /** Rows of the section. */
  readonly rows: number;
  /** Of the file, for messages. */
  readonly name: string;
}

/** Goes through the entries of a block of the dictionary, each of which is checked. */
export class DictionaryBlock {
  /** The entry: its term, the number of its rows, and the bytes of its postings. */
  term: number;
  count = 0;
  bytes = 0;
  /** Where its postings begin: in the block where they are `inline`, else among the postings. */
  place = 0;
  isInline = false;
  /** Of postings that are not inline. */
  checksum = 0;
  private readonly cursor: ByteCursor;

  constructor(
    block: Uint8Array,
    private readonly at: BlockPlace,
  ) {
    this.cursor = new ByteCursor(block);
    this.term = at.firstTerm;
  }

  /** Its inline postings. */
  get inline(): Uint8Array {
    return this.cursor.bytes.subarray(this.place, this.place + this.bytes);
  }

  /**
   * Goes to the next entry, if there is one.
   *
   * @throws SternaError `corrupt-file`.
   */
  next(): boolean {
    const { cursor, at } = this;
    if (cursor.at >= cursor.bytes.length) return false;
    const isFirst = cursor.at === 0;
    const gap = cursor.varint();
    this.term += gap;
    if ((gap === 0) !== isFirst || this.term >= at.termLimit) {
      throw corrupt(at.name, `terms of block ${at.number} are not in order`);
    }
    this.count = cursor.varint();
    this.bytes = cursor.varint();
    this.isInline = this.bytes <= MOST_INLINE;
    if (this.isInline) {
      this.place = cursor.at;
      cursor.at += this.bytes;
    } else {
      this.place = cursor.varint();
      this.checksum = cursor.word();
    }
    this.check();
    return true;
  }

  private check(): void {
    const { cursor, at, term, count, bytes } = this;
    if (cursor.at > cursor.bytes.length) throw corrupt(at.name, `term ${term} ends beyond its block`);
    if (count < 1 || count > at.rows || count > bytes) {
      throw corrupt(at.name, `term ${term} has ${count} rows in ${bytes} bytes`);
    }
  }
}
