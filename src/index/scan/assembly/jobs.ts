// What a job is told, in the order in which scanner.ts writes it: 32-bit words, addresses in bytes.

/** Rows of a column that lie together. */
@unmanaged
export class Block {
  /** `[planes, stride, planeBytes]`, and `[factors, stride]` behind them. */
  codes: usize;
  rows: i32;
  stride: i32;
  /** A bit for each row that takes part, or 0 where all do. */
  mask: usize;
  /** Number of its first row among the rows of all columns. */
  first: u32;
}

/** Bytes of a {@link Block} in the table. */
export const BLOCK_BYTES: usize = 20;

/** Compares rows with queries, and keeps the best rows of each. A chunk is some blocks. */
@unmanaged
export class Scan {
  /** How rows and queries are compared: see scan.ts. */
  kind: i32;
  /** `[blocks]` of {@link Block}. */
  blocks: usize;
  blockCount: i32;
  blocksPerChunk: i32;
  /** How many planes take part, and the bytes of a row in each. */
  planes: i32;
  planeBytes: i32;
  /** `[queries, queryBytes]`: see query-layout.ts of the scanner. */
  queries: usize;
  queryBytes: i32;
  queryCount: i32;
  /** Most rows that are kept for each query. */
  candidates: i32;
  /** Planes that a row has. */
  allPlanes: i32;
}
