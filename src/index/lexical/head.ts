import { MOST_COUNTED, type PostingBuffer, type PostingList, type Postings } from './postings.ts';

/** Marks the end of a chain, and a slot that is free. */
const NONE = 0xffffffff;

/** A term: itself, its first and last posting, its number of rows. */
const TERM_WORDS = 4;
const FIRST = 1;
const LAST = 2;
const COUNT = 3;

/** A posting: its row, how often the term occurs in it, the next posting of the term, the number of the term. */
const POSTING_WORDS = 4;
const FREQUENCY = 1;
const NEXT = 2;
const TERM = 3;

/**
 * Postings that grow, in memory: a hash table of terms, and for each a chain of its rows. What is read together lies together, because nearly every
 * step of a search goes to another place in memory. Rows are not taken out: a mask leaves them out of a search, and out of the section that is made of the head.
 */
export class LexicalHead implements Postings {
  rows = 0;
  totalLength = 0;
  termCount = 0;
  private rowLengths = new Uint16Array(64);
  /** Slot → number of a term, counted in the order of first occurrence. */
  private slots = new Uint32Array(256).fill(NONE);
  /** `[terms, 4]` */
  private terms = new Uint32Array(TERM_WORDS * 128);
  /** `[postings, 4]` */
  private postings = new Uint32Array(POSTING_WORDS * 256);
  private postingCount = 0;

  get lengths(): Uint16Array {
    return this.rowLengths.subarray(0, this.rows);
  }

  /** Bytes of memory. */
  get byteLength(): number {
    const { rowLengths, slots, terms, postings } = this;
    return rowLengths.byteLength + slots.byteLength + terms.byteLength + postings.byteLength;
  }

  /**
   * Appends a row.
   *
   * @param terms - in any order, repeated as often as they occur.
   * @returns the number of the row.
   */
  add(terms: Uint32Array): number {
    if (this.rows === this.rowLengths.length) this.rowLengths = larger(this.rowLengths);
    const row = this.rows++;
    this.rowLengths[row] = Math.min(terms.length, MOST_COUNTED);
    this.totalLength += this.rowLengths[row];
    for (let i = 0; i < terms.length; i++) this.count(this.placeOf(terms[i]), row);
    return row;
  }

  find(term: number): PostingList | undefined {
    const number = this.slots[this.slotOf(term)];
    return number === NONE ? undefined : this.listAt(TERM_WORDS * number);
  }

  *lists(): Generator<readonly [term: number, list: PostingList]> {
    const { slots, terms, termCount } = this;
    const sorted = Uint32Array.from({ length: termCount }, (_, number) => terms[TERM_WORDS * number]).sort();
    const numbers = sorted.map((term) => slots[this.slotOf(term)]);
    const { rows, frequencies, ends } = this.sortedPostings(numbers);
    for (let i = 0, start = 0; i < termCount; i++) {
      const from = start;
      const end = ends[numbers[i]];
      const read = (into: PostingBuffer) => {
        into.reserve(end - from);
        for (let at = from; at < end; at++) into.push(rows[at], frequencies[at]);
      };
      yield [sorted[i], { count: end - from, read }];
      start = end;
    }
  }

  /**
   * All postings, those of a term together. One pass over them in the order in which they came: following the chain of each term would wait for
   * memory at every step.
   *
   * @param numbers - of the terms, in the order that is wanted.
   * @returns rows and frequencies, and by the number of a term where its own end.
   */
  private sortedPostings(numbers: Uint32Array) {
    const { postings, postingCount, terms } = this;
    const rows = new Uint32Array(postingCount);
    const frequencies = new Uint16Array(postingCount);
    const ends = new Uint32Array(numbers.length);
    for (let i = 0, start = 0; i < numbers.length; i++) {
      ends[numbers[i]] = start;
      start += terms[TERM_WORDS * numbers[i] + COUNT];
    }
    for (let posting = 0; posting < POSTING_WORDS * postingCount; posting += POSTING_WORDS) {
      const at = ends[postings[posting + TERM]]++;
      rows[at] = postings[posting];
      frequencies[at] = postings[posting + FREQUENCY];
    }
    return { rows, frequencies, ends };
  }

  private listAt(place: number): PostingList {
    const count = this.terms[place + COUNT];
    return { count, read: (into) => this.read(this.terms[place + FIRST], count, into) };
  }

  private read(first: number, count: number, into: PostingBuffer): void {
    into.reserve(count);
    const { postings } = this;
    let posting = first;
    for (let i = 0; i < count; i++) {
      into.push(postings[posting], postings[posting + FREQUENCY]);
      posting = postings[posting + NEXT];
    }
  }

  /** Counts an occurrence of a term in the last row. */
  private count(place: number, row: number): void {
    const last = this.terms[place + LAST];
    if (last === NONE || this.postings[last] !== row) this.append(place, row);
    else if (this.postings[last + FREQUENCY] < MOST_COUNTED) this.postings[last + FREQUENCY]++;
  }

  private append(place: number, row: number): void {
    const posting = POSTING_WORDS * this.postingCount++;
    if (posting === this.postings.length) this.postings = larger(this.postings);
    this.postings[posting] = row;
    this.postings[posting + FREQUENCY] = 1;
    this.postings[posting + TERM] = place / TERM_WORDS;
    const last = this.terms[place + LAST];
    if (last === NONE) this.terms[place + FIRST] = posting;
    else this.postings[last + NEXT] = posting;
    this.terms[place + LAST] = posting;
    this.terms[place + COUNT]++;
  }

  /** Where a term stands among the terms, as a new one where it was not there. */
  private placeOf(term: number): number {
    const slot = this.slotOf(term);
    const known = this.slots[slot];
    if (known !== NONE) return TERM_WORDS * known;
    const place = TERM_WORDS * this.termCount;
    if (place === this.terms.length) this.terms = larger(this.terms);
    this.terms[place] = term;
    this.terms[place + LAST] = NONE;
    this.slots[slot] = this.termCount++;
    if (2 * this.termCount > this.slots.length) this.growTable();
    return place;
  }

  /** The slot of a term, or the free one where it would be. */
  private slotOf(term: number): number {
    const { slots, terms } = this;
    const mask = slots.length - 1;
    // The upper bits of the product depend on all bits of the term.
    let slot = Math.imul(term, 0x9e3779b1) >>> Math.clz32(mask);
    while (slots[slot] !== NONE && terms[TERM_WORDS * slots[slot]] !== term) slot = (slot + 1) & mask;
    return slot;
  }

  private growTable(): void {
    this.slots = new Uint32Array(2 * this.slots.length).fill(NONE);
    for (let number = 0; number < this.termCount; number++) {
      this.slots[this.slotOf(this.terms[TERM_WORDS * number])] = number;
    }
  }
}

function larger<T extends Uint16Array | Uint32Array>(array: T): T {
  const copy = new (array.constructor as new (length: number) => T)(2 * array.length);
  copy.set(array);
  return copy;
}
