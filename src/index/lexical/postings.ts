/** Frequencies and lengths are kept in 16 bits; larger ones count as this. */
export const MOST_COUNTED = 0xffff;

/** In which rows terms occur, and how often: sealed as bytes, or growing in memory. */
export interface Postings {
  /** Number of rows. */
  readonly rows: number;
  /** `[rows]` number of terms of each row, at most 65,535. */
  readonly lengths: Uint16Array;
  /** Sum of the lengths. */
  readonly totalLength: number;
  /** Number of different terms. */
  readonly termCount: number;
  /** The rows of a term; nothing where it does not occur. */
  find(term: number): PostingList | undefined;
  /** All terms with their rows, in ascending order of terms. */
  lists(): Iterable<readonly [term: number, list: PostingList]>;
}

/** The rows in which one term occurs. */
export interface PostingList {
  /** Number of rows. */
  readonly count: number;
  /** Reads them all, in ascending order. */
  read(into: PostingBuffer): void;
}

/** Where rows of a term are read into; used again for the next term. */
export class PostingBuffer {
  /** How many of the entries below count. */
  count = 0;
  /** Rows, ascending. */
  rows = new Uint32Array(64);
  /** How often the term occurs in each, from 1 to 65,535. */
  frequencies = new Uint16Array(64);

  /** Empties the buffer and makes room for `count` rows. */
  reserve(count: number): void {
    this.count = 0;
    if (count <= this.rows.length) return;
    const room = Math.max(count, 2 * this.rows.length);
    this.rows = new Uint32Array(room);
    this.frequencies = new Uint16Array(room);
  }

  /** Appends a row, for which room was made. */
  push(row: number, frequency: number): void {
    this.rows[this.count] = row;
    this.frequencies[this.count++] = frequency;
  }
}
