import type { Filter, Metadata } from '../metadata/types.ts';

/**
 * How what vectors and words have found is put in one order: by scores as they are, so that a leg that is sure of its hits counts more (`score`), or by
 * reciprocal rank fusion (`rank`).
 */
export type Fusion = 'score' | 'rank';

/** What a collection is asked. At least one of `vector` and `terms` is there. */
export interface CollectionQuery {
  /** `[dimensions]`, of unit length. */
  readonly vector?: Float32Array;
  /** Terms for BM25. */
  readonly terms?: Uint32Array;
  /** Most hits. */
  readonly k: number;
  /** Most hits of one document. */
  readonly perDocument: number;
  /** Lowest cosine of a hit that the vector leg has found. */
  readonly minScore?: number;
  /** Which documents may be hits. */
  readonly filter?: Filter;
  /** Whether all vectors are compared by their finest codes. */
  readonly exact?: boolean;
  /** How much the legs count beside each other, where there are both. Default: 1 each. */
  readonly weights?: { readonly vector?: number; readonly lexical?: number };
  /** How the legs are fused, where there are both. Default: `score`. */
  readonly fusion?: Fusion;
}

/** A passage that was found. */
export interface CollectionHit {
  readonly id: string;
  readonly text: string;
  readonly metadata: Metadata | undefined;
  /** UTF-16 range of the passage. */
  readonly start: number;
  readonly end: number;
  /** What hits are ordered by: the cosine, the BM25 score, or the fused one. */
  readonly score: number;
  /** The score of each leg that has found it. */
  readonly scores: { readonly vector?: number; readonly lexical?: number };
}
