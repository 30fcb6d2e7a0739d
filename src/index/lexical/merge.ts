import type { LexicalPart } from './bm25.ts';
import { LexicalHead } from './head.ts';
import { PostingBuffer, type PostingList } from './postings.ts';
import { SectionWriter } from './section-writer.ts';

/** Marks a row that is left out. */
const LEFT_OUT = 0xffffffff;

/**
 * Postings of rows as bytes, for `LexicalSection.from`. The rows are gathered in memory, about 32 bytes for each of their terms; where that is too
 * much, make several sections and merge them.
 *
 * @param rows - the terms of each row.
 */
export function buildLexical(rows: Iterable<Uint32Array>): Uint8Array<ArrayBuffer> {
  const head = new LexicalHead();
  for (const terms of rows) head.add(terms);
  return mergeLexical([{ postings: head }]);
}

/**
 * Postings of several parts as the bytes of one: their rows one after another, numbered anew without those that a mask leaves out. The bytes are those
 * that {@link buildLexical} makes of the same rows. One part alone is written without the rows that are left out of it; a head is sealed by that.
 *
 * @throws SternaError `corrupt-file` where a part is damaged, `limits`.
 */
export function mergeLexical(parts: readonly LexicalPart[]): Uint8Array<ArrayBuffer> {
  const steps = mergeSteps(parts);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** {@link mergeLexical}, term by term: whoever has something else to do meanwhile does it between two of them. */
export function* mergeSteps(parts: readonly LexicalPart[]): Generator<undefined, Uint8Array<ArrayBuffer>> {
  const { numbers, lengths } = renumber(parts);
  const writer = new SectionWriter(lengths);
  const cursors = parts.map(({ postings }, part) => new ListCursor(postings.lists(), numbers[part]));
  const merged = new PostingBuffer();
  const read = new PostingBuffer();
  for (let term = leastTerm(cursors); term !== undefined; term = leastTerm(cursors)) {
    let count = 0;
    for (const cursor of cursors) if (cursor.term === term) count += cursor.list!.count;
    merged.reserve(count);
    for (const cursor of cursors) {
      if (cursor.term !== term) continue;
      cursor.list!.read(read);
      appendKept(read, cursor.numbers, merged);
      cursor.next();
    }
    if (merged.count > 0) writer.add(term, merged);
    yield;
  }
  return writer.finish();
}

/** Goes through the terms of a part. */
class ListCursor {
  /** Nothing after the last one. */
  term: number | undefined;
  list: PostingList | undefined;
  private readonly lists: Iterator<readonly [number, PostingList]>;

  /** @param numbers - `[rows]` new number of each row. */
  constructor(
    lists: Iterable<readonly [number, PostingList]>,
    readonly numbers: Uint32Array,
  ) {
    this.lists = lists[Symbol.iterator]();
    this.next();
  }

  next(): void {
    const { done, value } = this.lists.next();
    this.term = done ? undefined : value[0];
    this.list = done ? undefined : value[1];
  }
}

function leastTerm(cursors: readonly ListCursor[]): number | undefined {
  let least: number | undefined;
  for (const { term } of cursors)
    if (term !== undefined && (least === undefined || term < least)) least = term;
  return least;
}

/** New numbers of the rows of each part, and the lengths of the rows that are kept. */
function renumber(parts: readonly LexicalPart[]): { numbers: Uint32Array[]; lengths: Uint16Array } {
  const lengths = new Uint16Array(parts.reduce((sum, { postings }) => sum + postings.rows, 0));
  let kept = 0;
  const numbers = parts.map(({ postings, mask }) => {
    const own = new Uint32Array(postings.rows);
    const ownLengths = postings.lengths;
    for (let row = 0; row < own.length; row++) {
      const isKept = !mask || ((mask[row >>> 5] >>> (row & 31)) & 1) === 1;
      own[row] = isKept ? kept : LEFT_OUT;
      if (isKept) lengths[kept++] = ownLengths[row];
    }
    return own;
  });
  return { numbers, lengths: lengths.slice(0, kept) };
}

function appendKept(
  { rows, frequencies, count }: PostingBuffer,
  numbers: Uint32Array,
  into: PostingBuffer,
): void {
  for (let i = 0; i < count; i++) {
    const row = numbers[rows[i]];
    if (row !== LEFT_OUT) into.push(row, frequencies[i]);
  }
}
