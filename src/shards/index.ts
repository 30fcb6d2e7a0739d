export type { ExchangeRow, ExchangeRows } from '../exchange/exchange.ts';
export {
  type BuildShardsOptions,
  buildShards,
  type ShardSink,
  type ShardsHeader,
  type ShardsReport,
} from './build-shards.ts';
export type { ShardFetch } from './remote-files.ts';
export {
  type ShardedHit,
  ShardedIndex,
  type ShardedIndexOptions,
  type ShardedResult,
  type ShardedSearchOptions,
} from './sharded-index.ts';
