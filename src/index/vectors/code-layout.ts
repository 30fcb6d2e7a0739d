/**
 * How a vector x is written: by what it differs in from the mean of the index, turned, r = rotation(x − mean) (see `rotation.ts`). A row has a
 * factor f of its own, so that steps fit what comes, whatever it is; int4 alone cuts the few numbers that are far out.
 *
 * - `float32`: as they are.
 * - `int8`: whole numbers c from −127 to 127, meaning r = c · f / 127.
 * - `int4`: whole numbers u from 0 to 15, meaning r = (u − 7.5) · f / 7.5; there is no code of zero.
 * - `binary`: a bit, set where r is greater than 0; see `quantise.ts` for what it means.
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
 * `[planes, stride, planeBytes]` to begin with: its planes one after another, and in each of them some consecutive dimensions of all its
 * rows. So the first dimensions of all rows lie together, and can be scanned without reading the others.
 *
 * ```
 *  int8, 200 dimensions      plane 0          plane 1      …   plane 3
 *  a block of 3 rows      ┌ 0 … 63 row 0 ┐ ┌ 64 … 127 row 0 ┐   ┌ 192 … 199, 0 … row 0 ┐
 *                         │ 0 … 63 row 1 │ │ 64 … 127 row 1 │   │ 192 … 199, 0 … row 1 │
 *                         └ 0 … 63 row 2 ┘ └ 64 … 127 row 2 ┘   └ 192 … 199, 0 … row 2 ┘
 * ```
 *
 * Behind the planes of a block are the factors of its rows, `[factors, stride]`, a byte each (see `row-factor.ts`).
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
  /** Factors of a row: none for float32, two for binary. */
  readonly factors: number;
}

/** The layout of vectors of so many dimensions. */
export function codeLayout(kind: CodeKind, dimensions: number): CodeLayout {
  if (kind === 'float32' || kind === 'binary') {
    const bytes = kind === 'float32' ? 4 * dimensions : Math.ceil(dimensions / 8);
    const planeBytes = LANES_BYTES * Math.ceil(bytes / LANES_BYTES);
    const factors = kind === 'float32' ? 0 : 2;
    return { kind, dimensions, planes: 1, planeDimensions: dimensions, planeBytes, factors };
  }
  const planeDimensions = kind === 'int8' ? PLANE_BYTES : 2 * PLANE_BYTES;
  const planes = Math.ceil(dimensions / planeDimensions);
  return { kind, dimensions, planes, planeDimensions, planeBytes: PLANE_BYTES, factors: 1 };
}

/** Bytes of a row in all planes, and of its factors. */
export function rowBytes({ planes, planeBytes, factors }: CodeLayout): number {
  return planes * planeBytes + factors;
}

/** Bytes of the codes of so many rows in a file. */
export function codeBytes(layout: CodeLayout, rows: number): number {
  return rows * rowBytes(layout);
}

/** Where a row's codes in a plane begin, in a block of `stride` rows that begins at 0. */
export function placeInBlock({ planeBytes }: CodeLayout, stride: number, row: number, plane: number): number {
  return (plane * stride + row) * planeBytes;
}

/** Where a row's factor is, in a block of `stride` rows that begins at 0. */
export function factorInBlock(
  { planes, planeBytes }: CodeLayout,
  stride: number,
  row: number,
  factor: number,
): number {
  return planes * planeBytes * stride + factor * stride + row;
}
