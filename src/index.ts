export { Embedder, type LibraryQuery } from './embedder.ts';
export { SternaError, type SternaErrorCode } from './errors.ts';
export {
  type IndexHit,
  VectorIndex,
  type VectorIndexOptions,
  type VectorSearchOptions,
} from './index/index.ts';
export {
  type AddOptions,
  type PassageEmbedder,
  type SearchDocument,
  type SearchHit,
  type SearchOptions,
  SemanticIndex,
  type SemanticIndexOptions,
} from './semantic-index.ts';
export type { Passage } from './text/chunk.ts';
export type * from './types.ts';
