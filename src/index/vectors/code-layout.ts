/**
 * How the numbers of a vector are written.
 *
 * - `float32`: as they are.
 * - `int8`: whole numbers from −127 to 127, times range / 127.
 * - `int4`: whole numbers u from 0 to 15, meaning (u − 7.5) · 2 · range / 15; there is no code of zero.
 * - `binary`: a bit, set where the number is greater than 0, meaning ±1 / √dimensions.
 */
export type CodeKind = 'float32' | 'int8' | 'int4' | 'binary';

/** All kinds, in the order of the numbers that files have for them. */
export const CODE_KINDS: readonly CodeKind[] = ['float32', 'int8', 'int4', 'binary'];

/** Most rows of a block. */
export const BLOCK_ROWS = 1024;

/** Longest vector that an index takes. */
export const MOST_DIMENSIONS = 65536;

/** Bytes of a row in a plane of whole numbers. */
const PLANE_BYTES = 64;

/** Bytes that the kernels read at once. */
const LANES_BYTES = 16;

/**
 * Where the codes of vectors lie. Rows are in blocks of {@link BLOCK_ROWS}, the last of which may have fewer. A block is
 * `[planes, stride, planeBytes]`: its planes one after another, and in each of them some consecutive dimensions of all its
 * rows. So the first dimensions of all rows lie together, and can be scanned without reading the others.
 *
 * ```
 *  int8, 200 dimensions      plane 0          plane 1      …   plane 3
 *  a block of 3 rows      ┌ 0 … 63 row 0 ┐ ┌ 64 … 127 row 0 ┐   ┌ 192 … 199, 0 … row 0 ┐
 *                         │ 0 … 63 row 1 │ │ 64 … 127 row 1 │   │ 192 … 199, 0 … row 1 │
 *                         └ 0 … 63 row 2 ┘ └ 64 … 127 row 2 ┘   └ 192 … 199, 0 … row 2 ┘
 * ```
 *
 * Byte b of an int4 plane has dimension b in its low half and dimension b + 64 in its high half. Bit i & 7 of byte i >> 3 is
 * dimension i of a binary row. What fills a row up to whole planes is made of codes of 0, whatever they mean: queries are 0 there.
 */
export interface CodeLayout {
  readonly kind: CodeKind;
  readonly dimensions: number;
  readonly planes: number;
  /** Dimensions of a plane. */
  readonly planeDimensions: number;
  /** Bytes of a row in a plane. */
  readonly planeBytes: number;
}

/** The layout of vectors of so many dimensions. */
export function codeLayout(kind: CodeKind, dimensions: number): CodeLayout {
  if (kind === 'float32' || kind === 'binary') {
    const bytes = kind === 'float32' ? 4 * dimensions : Math.ceil(dimensions / 8);
    const planeBytes = LANES_BYTES * Math.ceil(bytes / LANES_BYTES);
    return { kind, dimensions, planes: 1, planeDimensions: dimensions, planeBytes };
  }
  const planeDimensions = kind === 'int8' ? PLANE_BYTES : 2 * PLANE_BYTES;
  const planes = Math.ceil(dimensions / planeDimensions);
  return { kind, dimensions, planes, planeDimensions, planeBytes: PLANE_BYTES };
}

/** Bytes of a row in all planes. */
export function rowBytes({ planes, planeBytes }: CodeLayout): number {
  return planes * planeBytes;
}

/** Bytes of the codes of so many rows in a file. */
export function codeBytes(layout: CodeLayout, rows: number): number {
  return rows * rowBytes(layout);
}

/** Where a row's codes in a plane begin, in a block of `stride` rows that begins at 0. */
export function placeInBlock({ planeBytes }: CodeLayout, stride: number, row: number, plane: number): number {
  return (plane * stride + row) * planeBytes;
}
