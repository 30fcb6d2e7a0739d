import { madd } from './simd';
import { PANEL, ROWS } from './tile';

/** Features of a block: each has a scale of its own in each row of W. */
export const BLOCK: i32 = 64;

/**
 * The register tile of `tile.ts` in whole numbers: features of 16 bits times weights of 8, two of each at a time.
 *
 *     codes   w[k] and w[k + 1] of 8 outputs, side by side: 16 bytes, widened into low and high
 *     pair    x[row][k] and x[row][k + 1], in all lanes
 *     sums    dot_i16x8_s multiplies eight and adds neighbours: four outputs, two features
 *
 * A block's sum is a whole number below 64 · 127 · 32767, well within 32 bits, so it is the same in any order. Blocks are scaled
 * and added in float32, from first to last.
 *
 * @param rows - 1, 2, 4 or 6, a constant.
 * @param x - the first row, `[inner]` of 16 bits, with `inner` a multiple of 4; the next ones follow at `stride` bytes.
 * @param w - per block: `[PANEL]` scales in float32, then `[BLOCK / 2, PANEL, 2]` codes of 8 bits.
 * @param y - `[rows, PANEL]` of float32, written.
 */
// @ts-ignore: decorator
@inline
function tile(rows: i32, x: usize, stride: usize, w: usize, inner: i32, y: usize): void {
  let x1 = x + stride;
  let x2 = x1 + stride;
  let x3 = x2 + stride;
  let x4 = x3 + stride;
  let x5 = x4 + stride;
  let codes: v128;
  let low: v128;
  let high: v128;
  let pair: v128;
  for (let row = 0; row < rows; row++) {
    v128.store(y + ((<usize>row) << 5), f32x4.splat(0));
    v128.store(y + ((<usize>row) << 5), f32x4.splat(0), 16);
  }
  const end = x + ((<usize>inner) << 1);
  while (x < end) {
    const scales = w;
    w += 32;
    let a0 = i32x4.splat(0);
    let b0 = i32x4.splat(0);
    let a1 = i32x4.splat(0);
    let b1 = i32x4.splat(0);
    let a2 = i32x4.splat(0);
    let b2 = i32x4.splat(0);
    let a3 = i32x4.splat(0);
    let b3 = i32x4.splat(0);
    let a4 = i32x4.splat(0);
    let b4 = i32x4.splat(0);
    let a5 = i32x4.splat(0);
    let b5 = i32x4.splat(0);
    const blockEnd = min(x + (BLOCK << 1), end);
    while (x < blockEnd) {
      // x[·][k + 0] and x[·][k + 1]
      codes = v128.load(w, 0);
      low = i16x8.extend_low_i8x16_s(codes);
      high = i16x8.extend_high_i8x16_s(codes);
      pair = v128.load32_splat(x, 0);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, low));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(pair, high));
      if (rows > 1) {
        pair = v128.load32_splat(x1, 0);
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, low));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(pair, high));
      }
      if (rows > 2) {
        pair = v128.load32_splat(x2, 0);
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(pair, low));
        b2 = i32x4.add(b2, i32x4.dot_i16x8_s(pair, high));
        pair = v128.load32_splat(x3, 0);
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(pair, low));
        b3 = i32x4.add(b3, i32x4.dot_i16x8_s(pair, high));
      }
      if (rows > 4) {
        pair = v128.load32_splat(x4, 0);
        a4 = i32x4.add(a4, i32x4.dot_i16x8_s(pair, low));
        b4 = i32x4.add(b4, i32x4.dot_i16x8_s(pair, high));
        pair = v128.load32_splat(x5, 0);
        a5 = i32x4.add(a5, i32x4.dot_i16x8_s(pair, low));
        b5 = i32x4.add(b5, i32x4.dot_i16x8_s(pair, high));
      }
      // x[·][k + 2] and x[·][k + 3]
      codes = v128.load(w, 16);
      low = i16x8.extend_low_i8x16_s(codes);
      high = i16x8.extend_high_i8x16_s(codes);
      pair = v128.load32_splat(x, 4);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, low));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(pair, high));
      if (rows > 1) {
        pair = v128.load32_splat(x1, 4);
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, low));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(pair, high));
      }
      if (rows > 2) {
        pair = v128.load32_splat(x2, 4);
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(pair, low));
        b2 = i32x4.add(b2, i32x4.dot_i16x8_s(pair, high));
        pair = v128.load32_splat(x3, 4);
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(pair, low));
        b3 = i32x4.add(b3, i32x4.dot_i16x8_s(pair, high));
      }
      if (rows > 4) {
        pair = v128.load32_splat(x4, 4);
        a4 = i32x4.add(a4, i32x4.dot_i16x8_s(pair, low));
        b4 = i32x4.add(b4, i32x4.dot_i16x8_s(pair, high));
        pair = v128.load32_splat(x5, 4);
        a5 = i32x4.add(a5, i32x4.dot_i16x8_s(pair, low));
        b5 = i32x4.add(b5, i32x4.dot_i16x8_s(pair, high));
      }
      w += 2 * 16;
      x += 8;
      if (rows > 1) x1 += 8;
      if (rows > 2) {
        x2 += 8;
        x3 += 8;
      }
      if (rows > 4) {
        x4 += 8;
        x5 += 8;
      }
    }
    addBlock(y, a0, b0, scales);
    if (rows > 1) addBlock(y + 32, a1, b1, scales);
    if (rows > 2) {
      addBlock(y + 64, a2, b2, scales);
      addBlock(y + 96, a3, b3, scales);
    }
    if (rows > 4) {
      addBlock(y + 128, a4, b4, scales);
      addBlock(y + 160, a5, b5, scales);
    }
  }
}

/** The scales are loaded here, as there is no register for them while the sums are made. */
// @ts-ignore: decorator
@inline
function addBlock(y: usize, low: v128, high: v128, scales: usize): void {
  v128.store(y, madd(f32x4.convert_i32x4_s(low), v128.load(scales), v128.load(y)));
  v128.store(y, madd(f32x4.convert_i32x4_s(high), v128.load(scales, 16), v128.load(y, 16)), 16);
}

function tile6(x: usize, stride: usize, w: usize, inner: i32, y: usize): void {
  tile(6, x, stride, w, inner, y);
}

function tile4(x: usize, stride: usize, w: usize, inner: i32, y: usize): void {
  tile(4, x, stride, w, inner, y);
}

function tile2(x: usize, stride: usize, w: usize, inner: i32, y: usize): void {
  tile(2, x, stride, w, inner, y);
}

function tile1(x: usize, stride: usize, w: usize, inner: i32, y: usize): void {
  tile(1, x, stride, w, inner, y);
}

/** y = x·W for one panel: up to {@link ROWS} rows by the largest tiles that they fill. Parameters as of `tile`. */
export function tiles(rows: i32, x: usize, stride: usize, w: usize, inner: i32, y: usize): void {
  if (rows == ROWS) {
    tile6(x, stride, w, inner, y);
    return;
  }
  let row: usize = 0;
  if (rows & 4) {
    tile4(x, stride, w, inner, y);
    row = 4;
  }
  if (rows & 2) {
    tile2(x + row * stride, stride, w, inner, y + row * (PANEL << 2));
    row += 2;
  }
  if (rows & 1) tile1(x + row * stride, stride, w, inner, y + row * (PANEL << 2));
}
