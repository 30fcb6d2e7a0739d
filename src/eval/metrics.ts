/**
 * What a judge said of documents for one query: id → relevance, a whole number. Documents of 1 and more are relevant; those that were not
 * judged are not.
 */
export type Judgements = ReadonlyMap<string, number>;

/** How good a ranking is, or many of them are on average: 0 … 1 each. */
export interface Metrics {
  /** Normalised discounted cumulative gain. */
  readonly ndcg: number;
  /** Share of the relevant documents that were found. */
  readonly recall: number;
  /** Reciprocal of the rank of the first relevant document. */
  readonly mrr: number;
  /** Average precision. */
  readonly map: number;
}

/** A document that was found. */
export interface Found {
  readonly id: string;
  readonly score: number;
}

/**
 * The order in which trec_eval looks at documents: the highest score first, and of equal scores the **greater** id. Ids are compared by
 * UTF-16 units, which is the order of their bytes as long as they have no characters beyond U+FFFF.
 */
export function byScoreThenId(a: Found, b: Found): number {
  return b.score - a.score || (a.id > b.id ? -1 : a.id < b.id ? 1 : 0);
}

/**
 * All measures of one query at cutoff k, as trec_eval has them (`ndcg_cut_k`, `recall_k`, `map_cut_k`, and `recip_rank` of the first k).
 *
 * @param ranked - ids, best first, none of them twice; what comes after the first k is not looked at.
 */
export function measure(ranked: readonly string[], judged: Judgements, k: number): Metrics {
  const relevant = relevantCount(judged);
  if (relevant === 0) return { ndcg: 0, recall: 0, mrr: 0, map: 0 };
  let gain = 0;
  let found = 0;
  let first = 0;
  let precisions = 0;
  for (let rank = 1; rank <= Math.min(k, ranked.length); rank++) {
    const relevance = judged.get(ranked[rank - 1]) ?? 0;
    if (relevance < 1) continue;
    gain += discounted(relevance, rank);
    found++;
    if (first === 0) first = rank;
    precisions += found / rank;
  }
  return {
    ndcg: gain / idealGain(judged, k),
    recall: found / relevant,
    mrr: first > 0 ? 1 / first : 0,
    map: precisions / relevant,
  };
}

/**
 * The mean over all queries with at least one relevant document. A query that nothing was found for counts as 0, as with trec_eval's `-c`.
 *
 * @param rankings - query → ids, best first.
 * @param judgements - query → what is known of it.
 */
export function measureAll(
  rankings: ReadonlyMap<string, readonly string[]>,
  judgements: ReadonlyMap<string, Judgements>,
  k: number,
): Metrics {
  const all: Metrics[] = [];
  for (const [query, judged] of judgements) {
    if (relevantCount(judged) > 0) all.push(measure(rankings.get(query) ?? [], judged, k));
  }
  return mean(all);
}

/** The mean of each measure; 0 of none. */
export function mean(all: readonly Metrics[]): Metrics {
  const of = (measure: keyof Metrics) =>
    all.reduce((sum, metrics) => sum + metrics[measure], 0) / Math.max(1, all.length);
  return { ndcg: of('ndcg'), recall: of('recall'), mrr: of('mrr'), map: of('map') };
}

/** Number of relevant documents. */
export function relevantCount(judged: Judgements): number {
  let count = 0;
  for (const relevance of judged.values()) if (relevance >= 1) count++;
  return count;
}

/** Gain is linear: the relevance itself, and not 2 to the power of it. */
function discounted(relevance: number, rank: number): number {
  return relevance / Math.log2(rank + 1);
}

/** What the best possible ranking gains in its first k places. All judged documents take part, whether they could be found or not. */
function idealGain(judged: Judgements, k: number): number {
  const best = [...judged.values()].filter((relevance) => relevance >= 1).sort((a, b) => b - a);
  return best.slice(0, k).reduce((sum, relevance, i) => sum + discounted(relevance, i + 1), 0);
}
