/** Passages and their vectors as Arrow streams and files (`sterna/exchange/arrow`); needs the package apache-arrow. */
export { SternaError, type SternaErrorCode } from '../errors.ts';
export { fromArrow } from './arrow-read.ts';
export { type ArrowWriteOptions, toArrow } from './arrow-write.ts';
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
export type { ExchangeSource, RandomReader } from './random-reader.ts';
