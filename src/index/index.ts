/** The vector index alone (`sterna/index`): vectors from anywhere, no engine. */
export { SternaError, type SternaErrorCode } from '../errors.ts';
export {
  type CodeKind,
  type IndexHit,
  VectorIndex,
  type VectorIndexOptions,
  type VectorLike,
  type VectorSearchOptions,
} from './vector-index.ts';
