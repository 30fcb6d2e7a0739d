import { madd } from './simd';

/** Outputs of a panel: two vectors of four. */
export const PANEL: i32 = 8;
/** Rows of the largest tile. */
export const ROWS: i32 = 6;

/**
 * The register tile that nearly all time goes into: some rows of x times a panel of W.
 *
 *                      w[k] of 8 outputs
 *                     ┌─ low ─┬─ high ┐
 *     x[row 0][k]  ×  │  a0   │  b0   │
 *     …               │  …    │  …    │    12 sums, 2 weights, 1 feature: 15 of the 16 registers of x86
 *     x[row 5][k]  ×  │  a5   │  b5   │
 *                     └───────┴───────┘
 *
 * Every sum runs over k from first to last in one register, however many rows are beside it, so a row's results are
 * the same in any company. Four features at a time, so that the loop itself costs little.
 *
 * @param rows - 1, 2, 4 or 6: a constant, so that what is not needed is left out.
 * @param x - the first row, `[inner]`, with `inner` a multiple of 4; the next ones follow at `stride` bytes.
 * @param w - `[inner, PANEL]`.
 * @param y - `[rows, PANEL]`, written, with rows at `yStride` bytes.
 */
// @ts-expect-error: decorator
@inline
function tile(rows: i32, x: usize, stride: usize, w: usize, inner: i32, y: usize, yStride: usize): void {
  let x1 = x + stride;
  let x2 = x1 + stride;
  let x3 = x2 + stride;
  let x4 = x3 + stride;
  let x5 = x4 + stride;
  let low: v128;
  let high: v128;
  let feature: v128;
  let a0 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let b2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let b3 = f32x4.splat(0);
  let a4 = f32x4.splat(0);
  let b4 = f32x4.splat(0);
  let a5 = f32x4.splat(0);
  let b5 = f32x4.splat(0);
  const end = x + ((<usize>inner) << 2);
  while (x < end) {
    // x[·][k + 0]
    low = v128.load(w, 0);
    high = v128.load(w, 16);
    feature = v128.load32_splat(x, 0);
    a0 = madd(feature, low, a0);
    b0 = madd(feature, high, b0);
    if (rows > 1) {
      feature = v128.load32_splat(x1, 0);
      a1 = madd(feature, low, a1);
      b1 = madd(feature, high, b1);
    }
    if (rows > 2) {
      feature = v128.load32_splat(x2, 0);
      a2 = madd(feature, low, a2);
      b2 = madd(feature, high, b2);
      feature = v128.load32_splat(x3, 0);
      a3 = madd(feature, low, a3);
      b3 = madd(feature, high, b3);
    }
    if (rows > 4) {
      feature = v128.load32_splat(x4, 0);
      a4 = madd(feature, low, a4);
      b4 = madd(feature, high, b4);
      feature = v128.load32_splat(x5, 0);
      a5 = madd(feature, low, a5);
      b5 = madd(feature, high, b5);
    }
    // x[·][k + 1]
    low = v128.load(w, 32);
    high = v128.load(w, 48);
    feature = v128.load32_splat(x, 4);
    a0 = madd(feature, low, a0);
    b0 = madd(feature, high, b0);
    if (rows > 1) {
      feature = v128.load32_splat(x1, 4);
      a1 = madd(feature, low, a1);
      b1 = madd(feature, high, b1);
    }
    if (rows > 2) {
      feature = v128.load32_splat(x2, 4);
      a2 = madd(feature, low, a2);
      b2 = madd(feature, high, b2);
      feature = v128.load32_splat(x3, 4);
      a3 = madd(feature, low, a3);
      b3 = madd(feature, high, b3);
    }
    if (rows > 4) {
      feature = v128.load32_splat(x4, 4);
      a4 = madd(feature, low, a4);
      b4 = madd(feature, high, b4);
      feature = v128.load32_splat(x5, 4);
      a5 = madd(feature, low, a5);
      b5 = madd(feature, high, b5);
    }
    // x[·][k + 2]
    low = v128.load(w, 64);
    high = v128.load(w, 80);
    feature = v128.load32_splat(x, 8);
    a0 = madd(feature, low, a0);
    b0 = madd(feature, high, b0);
    if (rows > 1) {
      feature = v128.load32_splat(x1, 8);
      a1 = madd(feature, low, a1);
      b1 = madd(feature, high, b1);
    }
    if (rows > 2) {
      feature = v128.load32_splat(x2, 8);
      a2 = madd(feature, low, a2);
      b2 = madd(feature, high, b2);
      feature = v128.load32_splat(x3, 8);
      a3 = madd(feature, low, a3);
      b3 = madd(feature, high, b3);
    }
    if (rows > 4) {
      feature = v128.load32_splat(x4, 8);
      a4 = madd(feature, low, a4);
      b4 = madd(feature, high, b4);
      feature = v128.load32_splat(x5, 8);
      a5 = madd(feature, low, a5);
      b5 = madd(feature, high, b5);
    }
    // x[·][k + 3]
    low = v128.load(w, 96);
    high = v128.load(w, 112);
    feature = v128.load32_splat(x, 12);
    a0 = madd(feature, low, a0);
    b0 = madd(feature, high, b0);
    if (rows > 1) {
      feature = v128.load32_splat(x1, 12);
      a1 = madd(feature, low, a1);
      b1 = madd(feature, high, b1);
    }
    if (rows > 2) {
      feature = v128.load32_splat(x2, 12);
      a2 = madd(feature, low, a2);
      b2 = madd(feature, high, b2);
      feature = v128.load32_splat(x3, 12);
      a3 = madd(feature, low, a3);
      b3 = madd(feature, high, b3);
    }
    if (rows > 4) {
      feature = v128.load32_splat(x4, 12);
      a4 = madd(feature, low, a4);
      b4 = madd(feature, high, b4);
      feature = v128.load32_splat(x5, 12);
      a5 = madd(feature, low, a5);
      b5 = madd(feature, high, b5);
    }
    w += 4 * 32;
    x += 16;
    if (rows > 1) x1 += 16;
    if (rows > 2) {
      x2 += 16;
      x3 += 16;
    }
    if (rows > 4) {
      x4 += 16;
      x5 += 16;
    }
  }
  v128.store(y, a0);
  v128.store(y, b0, 16);
  if (rows > 1) {
    v128.store(y + yStride, a1);
    v128.store(y + yStride, b1, 16);
  }
  if (rows > 2) {
    v128.store(y + 2 * yStride, a2);
    v128.store(y + 2 * yStride, b2, 16);
    v128.store(y + 3 * yStride, a3);
    v128.store(y + 3 * yStride, b3, 16);
  }
  if (rows > 4) {
    v128.store(y + 4 * yStride, a4);
    v128.store(y + 4 * yStride, b4, 16);
    v128.store(y + 5 * yStride, a5);
    v128.store(y + 5 * yStride, b5, 16);
  }
}

function tile6(x: usize, stride: usize, w: usize, inner: i32, y: usize, yStride: usize): void {
  tile(6, x, stride, w, inner, y, yStride);
}

function tile4(x: usize, stride: usize, w: usize, inner: i32, y: usize, yStride: usize): void {
  tile(4, x, stride, w, inner, y, yStride);
}

function tile2(x: usize, stride: usize, w: usize, inner: i32, y: usize, yStride: usize): void {
  tile(2, x, stride, w, inner, y, yStride);
}

function tile1(x: usize, stride: usize, w: usize, inner: i32, y: usize, yStride: usize): void {
  tile(1, x, stride, w, inner, y, yStride);
}

/** y = x·W for one panel: up to {@link ROWS} rows by the largest tiles that they fill. Parameters as of `tile`. */
export function tiles(rows: i32, x: usize, stride: usize, w: usize, inner: i32, y: usize, yStride: usize): void {
  if (rows == ROWS) {
    tile6(x, stride, w, inner, y, yStride);
    return;
  }
  let row: usize = 0;
  if (rows & 4) {
    tile4(x, stride, w, inner, y, yStride);
    row = 4;
  }
  if (rows & 2) {
    tile2(x + row * stride, stride, w, inner, y + row * yStride, yStride);
    row += 2;
  }
  if (rows & 1) tile1(x + row * stride, stride, w, inner, y + row * yStride, yStride);
}
