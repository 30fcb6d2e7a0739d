export { Embedder, type LibraryQuery } from './embedder.ts';
export { SternaError, type SternaErrorCode } from './errors.ts';
export {
  type CodeKind,
  type IndexHit,
  VectorIndex,
  type VectorIndexOptions,
  type VectorSearchOptions,
} from './index/index.ts';
export type { Condition, Filter, Metadata, Operators, Scalar } from './index/metadata/types.ts';
export type {
  AddOptions,
  PassageEmbedder,
  SearchDocument,
  SearchHit,
  SearchOptions,
  SemanticIndexOptions,
  SyncOptions,
  SyncResult,
} from './search/index-types.ts';
export type { IndexReport } from './search/work.ts';
export { SemanticIndex } from './semantic-index.ts';
export type { Passage } from './text/chunk.ts';
export type * from './types.ts';
