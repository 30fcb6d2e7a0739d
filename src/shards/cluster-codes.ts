import type { CentroidTable } from './centroid-file.ts';

/**
 * The codes of a cluster, little-endian. A row is its distance from the middle of the cluster, in 4 bits a dimension: it is shorter than the
 * vector, and so its steps are finer.
 *
 * ```
 *  u8    [rows, ⌈dimensions / 2⌉ up to a multiple of 4] codes u, the even dimension in the low half
 *  f32   [rows] scale: the number is middle + scale · spread · (u − 7.5)
 *  u32   [rows] bytes of the record
 * ```
 */
const ZERO = 7.5;
const MOST = 15;
/** Where codes end, in spreads of a row: of a normal distribution, 16 steps between keep most. */
const CLIP = 2.7;

/** Bytes of the codes of a row, without scale and record. */
function codeStride(dimensions: number): number {
  return 4 * Math.ceil(dimensions / 8);
}

/** Bytes of a cluster in a shard, always a multiple of 8 but for what follows it. */
export function clusterBytes(dimensions: number, rows: number): number {
  return rows * (codeStride(dimensions) + 8);
}

/** What a cluster says: views of its bytes. */
export interface ClusterCodes {
  readonly rows: number;
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  /** Bytes of each row's record. */
  readonly recordBytes: Uint32Array;
}

/** Room for a cluster of so many rows. */
export function makeClusterCodes(
  dimensions: number,
  rows: number,
): ClusterCodes & { bytes: Uint8Array<ArrayBuffer> } {
  const bytes = new Uint8Array(clusterBytes(dimensions, rows));
  return { ...viewCluster(bytes, dimensions, rows), bytes };
}

/** @param bytes - of {@link clusterBytes} bytes, which begin at a multiple of 4. */
export function viewCluster(bytes: Uint8Array<ArrayBuffer>, dimensions: number, rows: number): ClusterCodes {
  const { buffer, byteOffset } = bytes;
  const start = byteOffset + rows * codeStride(dimensions);
  return {
    rows,
    codes: bytes.subarray(0, rows * codeStride(dimensions)),
    scales: new Float32Array(buffer, start, rows),
    recordBytes: new Uint32Array(buffer, start + 4 * rows, rows),
  };
}

/**
 * Writes the codes of a vector. The scale is the one with the least squared error for the codes.
 *
 * @param table - whose middle `cluster` is the nearest one.
 */
export function encodeRow(
  table: CentroidTable,
  cluster: number,
  vector: Float32Array,
  to: ClusterCodes,
  row: number,
): void {
  const { dimensions, spread, values } = table;
  const middle = cluster * dimensions;
  let squares = 0;
  for (let i = 0; i < dimensions; i++) squares += ((vector[i] - values[middle + i]) / spread[i]) ** 2;
  const step = (CLIP * Math.sqrt(squares / dimensions)) / ZERO || 1;
  const at = row * codeStride(dimensions);
  let products = 0;
  let lengths = 0;
  for (let i = 0; i < dimensions; i++) {
    const x = (vector[i] - values[middle + i]) / spread[i];
    const code = Math.max(0, Math.min(MOST, Math.round(x / step + ZERO)));
    to.codes[at + (i >> 1)] |= i & 1 ? code << 4 : code;
    products += x * (code - ZERO);
    lengths += (code - ZERO) ** 2;
  }
  to.scales[row] = products / lengths;
}

/** A query, prepared for the scores of rows. */
export interface ScoredQuery {
  /** `[dimensions]` */
  readonly vector: Float32Array;
  /** `[dimensions]` times the spread. */
  readonly spread: Float32Array;
  /** What codes of 7.5, which stand for 0, would add to each sum. */
  readonly zero: number;
}

export function prepareQuery({ spread }: CentroidTable, vector: Float32Array): ScoredQuery {
  const scaled = vector.map((x, i) => x * spread[i]);
  return { vector, spread: scaled, zero: ZERO * scaled.reduce((sum, x) => sum + x, 0) };
}

/** Cosines of the query and all middles. */
export function scoreCentroids(
  { values, count, dimensions }: CentroidTable,
  vector: Float32Array,
): Float64Array {
  const scores = new Float64Array(count);
  for (let cluster = 0, at = 0; cluster < count; cluster++) {
    let sum = 0;
    for (let i = 0; i < dimensions; i++) sum += vector[i] * values[at++];
    scores[cluster] = sum;
  }
  return scores;
}

/**
 * About the cosine of the query and each row of a cluster.
 *
 * @param middle - the query's cosine with the middle of the cluster.
 * @param scores - written from `from` on.
 */
export function scoreRows(
  query: ScoredQuery,
  middle: number,
  cluster: ClusterCodes,
  scores: Float64Array,
  from: number,
): void {
  const { spread, zero } = query;
  const dimensions = spread.length;
  const stride = codeStride(dimensions);
  const { codes, scales, rows } = cluster;
  const even = dimensions & ~1;
  for (let row = 0; row < rows; row++) {
    let at = row * stride;
    let low = 0;
    let high = 0;
    for (let i = 0; i < even; i += 2, at++) {
      low += spread[i] * (codes[at] & 15);
      high += spread[i + 1] * (codes[at] >> 4);
    }
    if (even < dimensions) low += spread[even] * (codes[at] & 15);
    scores[from + row] = middle + scales[row] * (low + high - zero);
  }
}
