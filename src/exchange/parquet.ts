/** Passages and their vectors as Parquet files (`sterna/exchange/parquet`); needs the packages hyparquet and hyparquet-writer. */
export { SternaError, type SternaErrorCode } from '../errors.ts';
export type {
  ColumnType,
  ExchangeFile,
  ExchangeHeader,
  ExchangeMetadata,
  ExchangeRow,
  ExchangeRows,
  ForeignColumns,
  ReadOptions,
  WriteOptions,
} from './exchange.ts';
export { fromParquet, type ParquetReadOptions } from './parquet-read.ts';
export { toParquet } from './parquet-write.ts';
export type { ExchangeSource, RandomReader } from './random-reader.ts';
