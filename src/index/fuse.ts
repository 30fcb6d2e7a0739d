import { SternaError } from '../errors.ts';

/** What one way of searching has found, such as vectors or words. Scores of different legs need not be comparable. */
export interface Leg<Id extends string | number = string | number> {
  /** What was found, best first. Of an id that comes more than once, the first place counts. */
  readonly ids: ArrayLike<Id>;
  /** `[ids.length]`, falling or equal. */
  readonly scores: ArrayLike<number>;
  /** How much the leg counts. Default: 1. A leg of weight 0 finds nothing; it only adds its scores to what others have found. */
  readonly weight?: number;
  /**
   * The score that is worth nothing to {@link fuseByScore}, such as 0 for BM25. Default: the lowest score in the leg, so that the last one
   * found is worth as little as one that was not found at all: right for cosines.
   */
  readonly lowest?: number;
  /**
   * The score of what answers the query in full. {@link fuseByScore} trusts a lower score in proportion: half of it counts for a quarter. So
   * a query in another language, which shares a name with some documents and nothing else, is left to the vectors. Default: all scores are
   * trusted.
   */
  readonly full?: number;
}

/** Something that at least one leg has found. */
export interface Fused<Id extends string | number = string | number> {
  readonly id: Id;
  /** What it was ordered by. Comparable within one result only. */
  readonly score: number;
  /** Its score in each leg, in the legs' order; `undefined` where a leg has not found it. */
  readonly scores: readonly (number | undefined)[];
}

/** How to fuse. */
export interface FuseOptions {
  /** Most results. Default: 10. */
  k?: number;
}

/** How to fuse by ranks. */
export interface RankOptions extends FuseOptions {
  /** How little the first ranks stand out: a rank is worth `1 / (rankConstant + rank)`, from 1 on. Default: 60. */
  rankConstant?: number;
}

/**
 * Reciprocal rank fusion: the score is the sum over the legs of `weight / (rankConstant + rank)`. Equal scores of a leg share the best of
 * their ranks, so that their order has no influence. Equal sums are ordered by id, the smaller one first.
 *
 * @throws SternaError `invalid-input` for a `k`, weight or constant that is none, or a leg that is not in order.
 */
export function fuseByRank<Id extends string | number>(
  legs: readonly Leg<Id>[],
  { k = 10, rankConstant = 60 }: RankOptions = {},
): Fused<Id>[] {
  if (!Number.isFinite(rankConstant) || rankConstant < 0)
    throw invalid(`rankConstant is ${rankConstant}; needed: a number of at least 0`);
  return fuse(legs, k, (rank) => 1 / (rankConstant + rank));
}

/**
 * What a cosine is worth in {@link fuseByScore} beside BM25 in natural logarithms. Chosen with nano on the evaluation sets that it is reported on:
 * from 5 to 20, sets in one language differ by less than chance, and from 25 on they lose; sets across languages gain up to there.
 */
export const COSINE_WEIGHT = 15;

/**
 * Fusion by scores as they are: the sum over the legs of `weight · (score − lowest) · trust`, with trust = (score − lowest) / (full − lowest), at most
 * 1. What a leg has not found has 0 there. A leg that is sure of its hits in one query and not in another counts more in the first, which no
 * rank and no scale of 0 … 1 tells. Equal sums are ordered by id, the smaller one first.
 *
 * ```ts
 * const byVectors = { ids, scores: cosines, weight: COSINE_WEIGHT };
 * const byWords = { ids: others, scores: bm25, lowest: 0, full: fullScore(parts, terms) };
 * fuseByScore([byVectors, byWords], { k: 10 });
 * ```
 *
 * @throws SternaError `invalid-input` for a `k` or weight that is none, or a leg that is not in order.
 */
export function fuseByScore<Id extends string | number>(
  legs: readonly Leg<Id>[],
  { k = 10 }: FuseOptions = {},
): Fused<Id>[] {
  return fuse(legs, k, (_, score, { scores, lowest = scores[scores.length - 1], full }) => {
    const above = Math.max(0, score - lowest);
    return full !== undefined && full > lowest && score < full ? (above * above) / (full - lowest) : above;
  });
}

/** An entry while it grows. */
interface Growing<Id> {
  readonly id: Id;
  score: number;
  readonly scores: (number | undefined)[];
}

/** What a place in a leg is worth; multiplied by the leg's weight. */
type Worth = (rank: number, score: number, leg: Leg) => number;

function fuse<Id extends string | number>(legs: readonly Leg<Id>[], k: number, worth: Worth): Fused<Id>[] {
  if (!Number.isInteger(k) || k < 1) throw invalid(`k is ${k}; needed: a whole number of at least 1`);
  legs.forEach(check);
  const found = new Map<Id, Growing<Id>>();
  for (const [place, leg] of legs.entries())
    if (leg.weight !== 0) collect(found, leg, place, legs.length, worth);
  for (const [place, { ids, scores, weight }] of legs.entries()) {
    if (weight !== 0) continue;
    for (let i = ids.length - 1; i >= 0; i--) {
      const entry = found.get(ids[i]);
      if (entry) entry.scores[place] = scores[i];
    }
  }
  const order = [...found.values()].sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  return order.slice(0, k);
}

function collect<Id extends string | number>(
  found: Map<Id, Growing<Id>>,
  leg: Leg<Id>,
  place: number,
  legs: number,
  worth: Worth,
): void {
  const { ids, scores, weight = 1 } = leg;
  let rank = 0;
  let distinct = 0;
  let last = Number.NaN;
  for (let i = 0; i < ids.length; i++) {
    let entry = found.get(ids[i]);
    if (entry?.scores[place] !== undefined) continue;
    if (!entry) {
      entry = { id: ids[i], score: 0, scores: new Array(legs).fill(undefined) };
      found.set(ids[i], entry);
    }
    distinct++;
    if (scores[i] !== last) rank = distinct;
    last = scores[i];
    entry.score += weight * worth(rank, scores[i], leg);
    entry.scores[place] = scores[i];
  }
}

/** @throws SternaError `invalid-input`. */
function check({ ids, scores, weight = 1, lowest = 0, full = 0 }: Leg, place: number): void {
  if (!Number.isFinite(weight) || weight < 0)
    throw invalid(`The weight of leg ${place} is ${weight}; needed: a number of at least 0`);
  if (!Number.isFinite(lowest))
    throw invalid(`The lowest score of leg ${place} is ${lowest}; needed: a finite number`);
  if (!Number.isFinite(full))
    throw invalid(`The full score of leg ${place} is ${full}; needed: a finite number`);
  if (ids.length !== scores.length)
    throw invalid(`Leg ${place} has ${ids.length} ids and ${scores.length} scores; needed: one score an id`);
  for (let i = 0; i < scores.length; i++) {
    if (Number.isFinite(scores[i]) && (i === 0 || scores[i] <= scores[i - 1])) continue;
    throw invalid(
      `Score ${i} of leg ${place} is ${scores[i]}${i > 0 ? ` after ${scores[i - 1]}` : ''}; needed: finite numbers, the highest first`,
    );
  }
}

function invalid(words: string): SternaError {
  return new SternaError('invalid-input', `${words}.`);
}
