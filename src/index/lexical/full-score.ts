import type { LexicalPart } from './bm25.ts';
import { weightOf } from './terms.ts';

/**
 * The BM25 score of a row of average length that has each term of a query as often as the query has it, once each time: what a row can be
 * expected to have that answers all of the query. Terms that occur nowhere are the rarest ones. A query in another language than the
 * rows shares few of its terms with any of them, so the best scores stay far below this.
 *
 * @returns 0 for a query without terms, and where there are no rows.
 */
export function fullScore(parts: readonly LexicalPart[], terms: Uint32Array): number {
  const rows = parts.reduce((sum, { postings }) => sum + postings.rows, 0);
  if (rows === 0) return 0;
  let sum = 0;
  for (const [term, weight] of weightsOf(terms)) {
    const count = parts.reduce((rows, { postings }) => rows + (postings.find(term)?.count ?? 0), 0);
    sum += weight * Math.log(1 + (rows - count + 0.5) / (count + 0.5));
  }
  return sum;
}

/** Different terms, and how often they occur, times their weight. */
function weightsOf(terms: Uint32Array): Map<number, number> {
  const weights = new Map<number, number>();
  for (const term of terms) weights.set(term, (weights.get(term) ?? 0) + weightOf(term));
  return weights;
}
