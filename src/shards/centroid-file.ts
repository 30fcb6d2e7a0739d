import { corruptShards, laterVersion } from './corrupt.ts';

/**
 * The middles of clusters, little-endian:
 *
 * ```
 *  u32   magic "STCE"
 *  u32   version
 *  u32   dimensions
 *  u32   clusters
 *  f32   range: what the code 127 stands for
 *  u32   0
 *  f32   [dimensions] spread of the numbers around their middles, the unit of their codes
 *  i8    [clusters, dimensions] codes of the middles
 * ```
 */
const MAGIC = 0x45435453;
const VERSION = 1;
const HEADER_BYTES = 24;
const MOST_CODE = 127;

/** The middles of clusters, as their codes have them. */
export interface CentroidTable {
  readonly dimensions: number;
  readonly count: number;
  /** What the code 127 stands for. */
  readonly range: number;
  /** `[dimensions]` */
  readonly spread: Float32Array;
  /** `[count, dimensions]` */
  readonly codes: Int8Array;
  /** `[count, dimensions]` the numbers that the codes stand for. */
  readonly values: Float32Array;
}

/** @param middles - `[count, dimensions]`. */
export function makeCentroidTable(
  middles: Float32Array,
  dimensions: number,
  range: number,
  spread: Float32Array,
): CentroidTable {
  const codes = new Int8Array(middles.length);
  const kept = Math.fround(range);
  for (let i = 0; i < codes.length; i++)
    codes[i] = Math.max(-MOST_CODE, Math.min(MOST_CODE, Math.round((middles[i] * MOST_CODE) / kept)));
  const count = middles.length / dimensions;
  return { dimensions, count, range: kept, spread, codes, values: valuesOf(codes, kept) };
}

export function writeCentroids(table: CentroidTable): Uint8Array<ArrayBuffer> {
  const { dimensions, count, range, spread, codes } = table;
  const bytes = new Uint8Array(HEADER_BYTES + 4 * dimensions + codes.length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [MAGIC, VERSION, dimensions, count].entries()) view.setUint32(4 * i, word, true);
  view.setFloat32(16, range, true);
  for (let i = 0; i < dimensions; i++) view.setFloat32(HEADER_BYTES + 4 * i, spread[i], true);
  bytes.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.length), HEADER_BYTES + 4 * dimensions);
  return bytes;
}

/** @throws SternaError `corrupt-file`. */
export function readCentroids(name: string, bytes: Uint8Array, dimensions: number): CentroidTable {
  if (bytes.length < HEADER_BYTES) throw corruptShards(name, `it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (i: number) => view.getUint32(4 * i, true);
  if (word(0) !== MAGIC) throw corruptShards(name, 'it does not begin as centroids do');
  if (word(1) > VERSION) throw laterVersion(name, word(1), VERSION);
  const count = word(3);
  const range = view.getFloat32(16, true);
  const start = HEADER_BYTES + 4 * dimensions;
  if (word(2) !== dimensions)
    throw corruptShards(name, `it has ${word(2)} dimensions and search.json ${dimensions}`);
  if (bytes.length !== start + count * dimensions) throw corruptShards(name, 'its sizes do not add up');
  if (!(range > 0 && range <= 1)) throw corruptShards(name, `the range of its codes is ${range}`);
  const spread = Float32Array.from({ length: dimensions }, (_, i) =>
    view.getFloat32(HEADER_BYTES + 4 * i, true),
  );
  if (!spread.every((size) => size > 0 && size <= 2))
    throw corruptShards(name, 'a spread is not from 0 to 2');
  const codes = new Int8Array(bytes.slice(start).buffer);
  return { dimensions, count, range, spread, codes, values: valuesOf(codes, range) };
}

function valuesOf(codes: Int8Array, range: number): Float32Array {
  const values = new Float32Array(codes.length);
  const step = range / MOST_CODE;
  for (let i = 0; i < codes.length; i++) values[i] = codes[i] * step;
  return values;
}
