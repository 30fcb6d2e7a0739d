import { PostingBuffer, type Postings } from '../postings.ts';

/** Row → frequency of each term, as written down by the simplest means: the oracle of what is kept as bytes. */
export type PostingsMap = Map<number, Map<number, number>>;

/** Counts terms of rows. */
export function countedTerms(rows: readonly Uint32Array[]): PostingsMap {
  const all: PostingsMap = new Map();
  for (const [row, terms] of rows.entries()) {
    for (const term of terms) {
      if (!all.has(term)) all.set(term, new Map());
      all.get(term)!.set(row, (all.get(term)!.get(row) ?? 0) + 1);
    }
  }
  return new Map([...all].sort(([a], [b]) => a - b));
}

/** Reads all that postings hold. */
export function readAll(postings: Postings): PostingsMap {
  const buffer = new PostingBuffer();
  return new Map(
    Array.from(postings.lists(), ([term, list]) => {
      list.read(buffer);
      return [term, entriesOf(buffer)];
    }),
  );
}

/** Reads the rows of one term. */
export function readTerm(postings: Postings, term: number): Map<number, number> | undefined {
  const list = postings.find(term);
  if (!list) return undefined;
  const buffer = new PostingBuffer();
  list.read(buffer);
  return entriesOf(buffer);
}

function entriesOf({ rows, frequencies, count }: PostingBuffer): Map<number, number> {
  return new Map(Array.from({ length: count }, (_, i) => [rows[i], frequencies[i]]));
}
