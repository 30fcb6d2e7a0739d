import { COSINE_WEIGHT, fuseByScore } from '../index/fuse.ts';
import type { LexicalRanking } from './lexical-leg.ts';
import type { Ranking, TieOrder } from './ranking.ts';

/** Fuses two rankings of the same documents for one query by weighted cosine and BM25. */
export function fuseRankings(
  vectors: Ranking,
  words: LexicalRanking,
  depth: number,
  { places, rows }: TieOrder,
): Ranking {
  // Places in the order of ties stand in for ids: of equal scores, fusion takes the smaller one.
  const placesOf = (ranking: Ranking) => Uint32Array.from(ranking.rows, (row) => places[row]);
  const legs = [
    { ids: placesOf(vectors), scores: vectors.scores, weight: COSINE_WEIGHT },
    { ids: placesOf(words), scores: words.scores, lowest: 0, full: words.full },
  ];
  const fused = fuseByScore<number>(legs, { k: depth });
  return {
    rows: Uint32Array.from(fused, ({ id }) => rows[id]),
    scores: Float64Array.from(fused, ({ score }) => score),
  };
}
