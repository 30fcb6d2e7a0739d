import { SternaError } from '../../errors.ts';
import { PostingBuffer, type PostingList, type Postings } from './postings.ts';
import { weightOf } from './terms.ts';
import { type RankedRows, TopRows } from './top-rows.ts';

/** A set of rows to be searched. */
export interface LexicalPart {
  readonly postings: Postings;
  /** Which rows may be hits: bit `i & 31` of word `i >> 5`. Absent: all of them. */
  readonly mask?: Uint32Array;
}

/** How to rank. */
export interface Bm25Options {
  /** Most rows. Default: 10. */
  readonly k?: number;
  /** How soon more of the same term counts for no more; 0: at once. Default: 0.9. */
  readonly k1?: number;
  /** How much a longer row must have more of a term, 0 … 1. Default: 0.4. */
  readonly b?: number;
}

/** Different terms of a query that count, the first ones. */
const MOST_TERMS = 4096;

/** Postings that a query reads. */
const MOST_POSTINGS = 2 ** 24;

/** A term of the query, and where it is. */
interface QueryTerm {
  readonly term: number;
  /** How often it occurs in the query, times its weight. */
  readonly weight: number;
  /** Its rows in each part. */
  readonly lists: readonly (PostingList | undefined)[];
  /** Rows in all parts. */
  readonly count: number;
}

/**
 * Ranks rows by Okapi BM25:
 *
 * ```
 * score(row) = Σ over terms   weight · ln(1 + (N − n + ½) / (n + ½)) · f · (k1 + 1) / (f + k1 · (1 − b + b · length / average))
 * ```
 *
 * with N rows, n rows with the term, f occurrences in the row; weight is the number of occurrences in the query, half of it for pairs. N, n and the
 * average length are those of all parts together, rows that a mask leaves out included, so that a filter changes no score.
 *
 * Terms are read from the rarest on. Once 2²⁴ postings have been read, the more frequent ones are left out; of a query of more than 4,096 different
 * terms, the first ones count. So a query ends in bounded time, whatever it is.
 *
 * @returns the best rows that have any of the terms, best first; equal scores by part, then by row.
 * @throws SternaError `invalid-input` for `k` that is no whole number of at least 0, `k1` below 0 or `b` beyond 0 … 1; `corrupt-file`.
 */
export function bm25(
  parts: readonly LexicalPart[],
  terms: Uint32Array,
  options: Bm25Options = {},
): RankedRows {
  const { k = 10, k1 = 0.9, b = 0.4 } = options;
  check({ k, k1, b });
  const rows = parts.reduce((sum, { postings }) => sum + postings.rows, 0);
  const average = parts.reduce((sum, { postings }) => sum + postings.totalLength, 0) / rows;
  const query = rarestFirst(parts, terms);
  const best = new TopRows(Math.min(k, rows));
  const buffer = new PostingBuffer();
  for (const [number, { postings, mask }] of parts.entries()) {
    const scores = new Float32Array(postings.rows);
    for (const { weight, lists, count } of query) {
      const list = lists[number];
      if (!list) continue;
      list.read(buffer);
      const rarity = weight * Math.log(1 + (rows - count + 0.5) / (count + 0.5));
      score(buffer, postings.lengths, rarity, { k1, b, average }, scores);
    }
    best.collect(number, scores, mask);
  }
  return best.ranked();
}

/** Adds what one term gives to the scores of its rows. */
function score(
  { rows, frequencies, count }: PostingBuffer,
  lengths: Uint16Array,
  rarity: number,
  { k1, b, average }: { k1: number; b: number; average: number },
  scores: Float32Array,
): void {
  const most = rarity * (k1 + 1);
  const least = k1 * (1 - b);
  const perTerm = (k1 * b) / average;
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    const frequency = frequencies[i];
    scores[row] += (most * frequency) / (frequency + least + perTerm * lengths[row]);
  }
}

/** The different terms of a query that occur anywhere, as many as may be read. */
function rarestFirst(parts: readonly LexicalPart[], terms: Uint32Array): QueryTerm[] {
  const found: QueryTerm[] = [];
  for (const [term, occurrences] of occurrencesOf(terms)) {
    const lists = parts.map(({ postings }) => postings.find(term));
    const count = lists.reduce((sum, list) => sum + (list?.count ?? 0), 0);
    if (count > 0) found.push({ term, weight: occurrences * weightOf(term), lists, count });
  }
  found.sort((a, b) => a.count - b.count || a.term - b.term);
  let postings = 0;
  return found.filter(({ count }, i) => {
    postings += count;
    return i === 0 || postings <= MOST_POSTINGS;
  });
}

function occurrencesOf(terms: Uint32Array): Map<number, number> {
  const occurrences = new Map<number, number>();
  for (const term of terms) {
    const before = occurrences.get(term) ?? 0;
    if (before > 0 || occurrences.size < MOST_TERMS) occurrences.set(term, before + 1);
  }
  return occurrences;
}

function check({ k, k1, b }: Required<Bm25Options>): void {
  if (!Number.isInteger(k) || k < 0) throw wrong('k', k, 'a whole number of at least 0');
  if (!(k1 >= 0 && k1 < Number.POSITIVE_INFINITY)) throw wrong('k1', k1, 'a number of at least 0');
  if (!(b >= 0 && b <= 1)) throw wrong('b', b, 'a number from 0 to 1');
}

function wrong(name: string, found: unknown, needed: string): SternaError {
  return new SternaError('invalid-input', `${name} is ${found}; needed: ${needed}.`);
}
