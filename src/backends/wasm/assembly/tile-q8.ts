import { madd } from './simd';
import { PANEL, ROWS } from './tile';

/** Features of a block: each has a scale of its own in each row of x and of W. */
export const BLOCK: i32 = 64;

/** Features that one instruction multiplies in each of its four lanes: four of 8 bits, or two of 16. They take four bytes. */
export const GROUP: i32 = ASC_FEATURE_RELAXED_SIMD ? 4 : 2;

/** Bytes of a group of features in a row of x, and of its codes in a panel of W. */
const X_STEP: usize = 4;
const W_STEP: usize = ASC_FEATURE_RELAXED_SIMD ? 32 : 16;

/**
 * Four sums of whole numbers, each over a group of features.
 *
 * Relaxed SIMD multiplies codes of W, 8 bits with a sign, by features of 7 bits. What it does with the eighth bit is the processor's
 * affair, but always the same: `probe` in index.ts tells whether all of it can be used.
 */
// @ts-ignore: decorator
@inline
function dot(features: v128, codes: v128, sums: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD
    ? i32x4.relaxed_dot_i8x16_i7x16_add_s(codes, features, sums)
    : i32x4.add(sums, i32x4.dot_i16x8_s(features, codes));
}

/** Codes of four outputs, as `dot` takes them. */
// @ts-ignore: decorator
@inline
function load(codes: usize): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.load(codes) : v128.load_ext<i8>(codes);
}

/**
 * The register tile of `tile.ts` in whole numbers:
 *
 *     low, high   codes of a group of features for 4 + 4 outputs
 *     features    the same group of x[row], in all lanes
 *     sums        four outputs each
 *
 * A block's sum is a whole number that 32 bits hold, so it is the same in any order. Blocks are scaled and added in float32,
 * from first to last.
 *
 * @param rows - 1, 2, 4 or 6, a constant.
 * @param x - the first row, `[inner]` codes; the next ones follow at `stride` bytes.
 * @param xScales - of the first row, `[blocks]` in float32; the next ones follow at `scaleStride` bytes.
 * @param w - per block: `[PANEL]` scales in float32, `[PANEL]` sums to begin with, `[BLOCK / GROUP, PANEL, GROUP]` codes of 8 bits.
 * @param bytes - of a row of x, a multiple of 8: what is behind its features meets codes of zero.
 * @param y - `[rows, PANEL]` of float32, written.
 */
// @ts-ignore: decorator
@inline
function tile(
  rows: i32,
  x: usize,
  stride: usize,
  xScales: usize,
  scaleStride: usize,
  w: usize,
  bytes: usize,
  y: usize,
): void {
  let x1 = x + stride;
  let x2 = x1 + stride;
  let x3 = x2 + stride;
  let x4 = x3 + stride;
  let x5 = x4 + stride;
  let low: v128;
  let high: v128;
  let features: v128;
  for (let row = 0; row < rows; row++) {
    v128.store(y + ((<usize>row) << 5), f32x4.splat(0));
    v128.store(y + ((<usize>row) << 5), f32x4.splat(0), 16);
  }
  const end = x + bytes;
  while (x < end) {
    const scales = w;
    low = v128.load(w, 32);
    high = v128.load(w, 48);
    w += 64;
    let a0 = low;
    let b0 = high;
    let a1 = low;
    let b1 = high;
    let a2 = low;
    let b2 = high;
    let a3 = low;
    let b3 = high;
    let a4 = low;
    let b4 = high;
    let a5 = low;
    let b5 = high;
    const blockEnd = min(x + <usize>(BLOCK / GROUP) * X_STEP, end);
    while (x < blockEnd) {
      // one group
      low = load(w);
      high = load(w + W_STEP / 2);
      features = v128.load32_splat(x);
      a0 = dot(features, low, a0);
      b0 = dot(features, high, b0);
      if (rows > 1) {
        features = v128.load32_splat(x1);
        a1 = dot(features, low, a1);
        b1 = dot(features, high, b1);
      }
      if (rows > 2) {
        features = v128.load32_splat(x2);
        a2 = dot(features, low, a2);
        b2 = dot(features, high, b2);
        features = v128.load32_splat(x3);
        a3 = dot(features, low, a3);
        b3 = dot(features, high, b3);
      }
      if (rows > 4) {
        features = v128.load32_splat(x4);
        a4 = dot(features, low, a4);
        b4 = dot(features, high, b4);
        features = v128.load32_splat(x5);
        a5 = dot(features, low, a5);
        b5 = dot(features, high, b5);
      }
      // and another
      low = load(w + W_STEP);
      high = load(w + W_STEP / 2 * 3);
      features = v128.load32_splat(x, X_STEP);
      a0 = dot(features, low, a0);
      b0 = dot(features, high, b0);
      if (rows > 1) {
        features = v128.load32_splat(x1, X_STEP);
        a1 = dot(features, low, a1);
        b1 = dot(features, high, b1);
      }
      if (rows > 2) {
        features = v128.load32_splat(x2, X_STEP);
        a2 = dot(features, low, a2);
        b2 = dot(features, high, b2);
        features = v128.load32_splat(x3, X_STEP);
        a3 = dot(features, low, a3);
        b3 = dot(features, high, b3);
      }
      if (rows > 4) {
        features = v128.load32_splat(x4, X_STEP);
        a4 = dot(features, low, a4);
        b4 = dot(features, high, b4);
        features = v128.load32_splat(x5, X_STEP);
        a5 = dot(features, low, a5);
        b5 = dot(features, high, b5);
      }
      w += 2 * W_STEP;
      x += 2 * X_STEP;
      if (rows > 1) x1 += 2 * X_STEP;
      if (rows > 2) {
        x2 += 2 * X_STEP;
        x3 += 2 * X_STEP;
      }
      if (rows > 4) {
        x4 += 2 * X_STEP;
        x5 += 2 * X_STEP;
      }
    }
    let scale = xScales;
    addBlock(y, a0, b0, scale, scales);
    if (rows > 1) addBlock(y + 32, a1, b1, (scale += scaleStride), scales);
    if (rows > 2) {
      addBlock(y + 64, a2, b2, (scale += scaleStride), scales);
      addBlock(y + 96, a3, b3, (scale += scaleStride), scales);
    }
    if (rows > 4) {
      addBlock(y + 128, a4, b4, (scale += scaleStride), scales);
      addBlock(y + 160, a5, b5, (scale += scaleStride), scales);
    }
    xScales += 4;
  }
}

/** Scales are loaded here, as there is no register for them while the sums are made. */
// @ts-ignore: decorator
@inline
function addBlock(y: usize, low: v128, high: v128, xScale: usize, scales: usize): void {
  const scale = v128.load32_splat(xScale);
  const a = f32x4.mul(f32x4.convert_i32x4_s(low), v128.load(scales));
  const b = f32x4.mul(f32x4.convert_i32x4_s(high), v128.load(scales, 16));
  v128.store(y, madd(a, scale, v128.load(y)));
  v128.store(y, madd(b, scale, v128.load(y, 16)), 16);
}

function tile6(x: usize, stride: usize, s: usize, sStride: usize, w: usize, bytes: usize, y: usize): void {
  tile(6, x, stride, s, sStride, w, bytes, y);
}

function tile4(x: usize, stride: usize, s: usize, sStride: usize, w: usize, bytes: usize, y: usize): void {
  tile(4, x, stride, s, sStride, w, bytes, y);
}

function tile2(x: usize, stride: usize, s: usize, sStride: usize, w: usize, bytes: usize, y: usize): void {
  tile(2, x, stride, s, sStride, w, bytes, y);
}

function tile1(x: usize, stride: usize, s: usize, sStride: usize, w: usize, bytes: usize, y: usize): void {
  tile(1, x, stride, s, sStride, w, bytes, y);
}

/** y = x·W for one panel: up to {@link ROWS} rows by the largest tiles that they fill. Parameters as of `tile`. */
export function tiles(
  rows: i32,
  x: usize,
  stride: usize,
  xScales: usize,
  scaleStride: usize,
  w: usize,
  bytes: usize,
  y: usize,
): void {
  if (rows == ROWS) {
    tile6(x, stride, xScales, scaleStride, w, bytes, y);
    return;
  }
  let row: usize = 0;
  if (rows & 4) {
    tile4(x, stride, xScales, scaleStride, w, bytes, y);
    row = 4;
  }
  if (rows & 2) {
    tile2(x + row * stride, stride, xScales + row * scaleStride, scaleStride, w, bytes, y + row * (PANEL << 2));
    row += 2;
  }
  if (rows & 1)
    tile1(x + row * stride, stride, xScales + row * scaleStride, scaleStride, w, bytes, y + row * (PANEL << 2));
}
