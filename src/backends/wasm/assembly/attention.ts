import { Attention } from './jobs';
import { madd, maxOf, sumOf } from './simd';
import { PANEL, ROWS, tiles } from './tile';

/**
 * One head of one text: softmax(q·kᵀ·scale)·v for up to six queries at a time. Keys and values are put into panels first, so that both
 * products are the tile of `linear`; the scores of six queries are all that is kept of the matrix of scores. The sum of the weights divides
 * the answer, which is shorter than they are.
 *
 *     keys    [panels of 8 keys, headSize, 8]        scores [6, keys]
 *     values  [panels of 8 features, keys, 8]        keys padded to a multiple of 8 by zeros
 *
 * @param scratch - room for these.
 */
export function attention(job: Attention, chunk: i32, scratch: usize): void {
  const text = chunk / job.heads;
  const head = chunk % job.heads;
  const start = load<i32>(job.starts + ((<usize>text) << 2));
  const length = load<i32>(job.starts + ((<usize>text) << 2), 4) - start;
  const padded = (length + PANEL - 1) & ~(PANEL - 1);
  const hidden = (<usize>(job.heads * job.headSize)) << 2;
  const stride = <usize>3 * hidden;
  const headBytes = (<usize>job.headSize) << 2;

  const q = job.qkv + <usize>start * stride + <usize>head * headBytes;
  const keys = scratch;
  const values = keys + <usize>padded * headBytes;
  const scores = values + <usize>padded * headBytes;
  const shares = scores + ROWS * ((<usize>padded) << 2);
  const scoreBytes = (<usize>padded) << 2;
  packKeys(q + hidden, stride, length, padded, headBytes, keys);
  packValues(q + 2 * hidden, stride, length, padded, headBytes, values);

  const queries = job.firstOnly ? 1 : length;
  const y = job.y + <usize>start * hidden + <usize>head * headBytes;
  for (let row = 0; row < queries; row += ROWS) {
    const rows = min(ROWS, queries - row);
    const query = q + <usize>row * stride;
    for (let key = 0; key < padded; key += PANEL) {
      const panel = keys + <usize>key * headBytes;
      tiles(rows, query, stride, panel, job.headSize, scores + ((<usize>key) << 2), scoreBytes);
    }
    for (let r = 0; r < rows; r++) {
      const share = softmax(scores + <usize>r * scoreBytes, length, padded, job.scale);
      store<f32>(shares + ((<usize>r) << 2), share);
    }
    const out = y + <usize>row * hidden;
    for (let at: usize = 0; at < headBytes; at += PANEL << 2) {
      tiles(rows, scores, scoreBytes, values + at * <usize>padded, padded, out + at, hidden);
    }
    for (let r = 0; r < rows; r++) {
      const share = v128.load32_splat(shares + ((<usize>r) << 2));
      const first = out + <usize>r * hidden;
      for (let at: usize = 0; at < headBytes; at += 16) v128.store(first + at, f32x4.mul(v128.load(first + at), share));
    }
  }
}

/**
 * Keys next to each other, feature by feature, in squares of four keys by four features. In the last panel the last key
 * stands in for those that are missing; their weights are 0.
 */
function packKeys(k: usize, stride: usize, length: i32, padded: i32, headBytes: usize, keys: usize): void {
  const last = k + <usize>(length - 1) * stride;
  for (let key = 0; key < padded; key += 4) {
    let panel = keys + <usize>(key & ~(PANEL - 1)) * headBytes + ((<usize>(key & (PANEL - 1))) << 2);
    let k0 = k + <usize>key * stride;
    let k1 = min(k0 + stride, last);
    let k2 = min(k1 + stride, last);
    let k3 = min(k2 + stride, last);
    k0 = min(k0, last);
    const end = k0 + headBytes;
    while (k0 < end) {
      const a = v128.load(k0);
      const b = v128.load(k1);
      const c = v128.load(k2);
      const d = v128.load(k3);
      const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(panel, v128.shuffle<f64>(ab, cd, 0, 2));
      v128.store(panel, v128.shuffle<f64>(ab, cd, 1, 3), 32);
      v128.store(panel, v128.shuffle<f64>(ab2, cd2, 0, 2), 64);
      v128.store(panel, v128.shuffle<f64>(ab2, cd2, 1, 3), 96);
      panel += 128;
      k0 += 16;
      k1 += 16;
      k2 += 16;
      k3 += 16;
    }
  }
}

/** Values in panels of eight features; those of the padding are 0. */
function packValues(
  v: usize,
  stride: usize,
  length: i32,
  padded: i32,
  headBytes: usize,
  values: usize,
): void {
  const zero = f32x4.splat(0);
  for (let at: usize = 0; at < headBytes; at += PANEL << 2) {
    let panel = values + at * <usize>padded;
    let row = v + at;
    for (let key = 0; key < length; key++) {
      v128.store(panel, v128.load(row));
      v128.store(panel, v128.load(row, 16), 16);
      panel += PANEL << 2;
      row += stride;
    }
    for (let key = length; key < padded; key++) {
      v128.store(panel, zero);
      v128.store(panel, zero, 16);
      panel += PANEL << 2;
    }
  }
}

/**
 * Scores become weights, 2 to the power of (score − largest) · scale, from 0 to 1.
 *
 * A power u is a whole number n and a fraction f: adding 1.5 · 2²³ rounds u to n, which is in the lowest bits of the result then, and
 * is the exponent when it is shifted to where exponents are.
 *
 * @param scale - with log₂ e in it.
 * @returns 1 / the sum of the weights.
 */
function softmax(scores: usize, length: i32, padded: i32, scale: f32): f32 {
  for (let i = length; i < padded; i++) store<f32>(scores + ((<usize>i) << 2), -Infinity);
  const end = scores + ((<usize>padded) << 2);
  // A panel is two vectors.
  let most = v128.load(scores);
  let most2 = v128.load(scores, 16);
  for (let at = scores + 32; at < end; at += 32) {
    most = f32x4.pmax(most, v128.load(at));
    most2 = f32x4.pmax(most2, v128.load(at, 16));
  }
  const largest = f32x4.splat(maxOf(f32x4.pmax(most, most2)));
  const factor = f32x4.splat(scale);
  const least = f32x4.splat(-126);
  const shift = f32x4.splat(12582912);
  // 2ᶠ for |f| ≤ ½, fitted to 1.2e-7.
  const c5 = f32x4.splat(0.0013276472454890609);
  const c4 = f32x4.splat(0.009675540961325169);
  const c3 = f32x4.splat(0.05550713092088699);
  const c2 = f32x4.splat(0.24022120237350464);
  const c1 = f32x4.splat(0.6931469440460205);
  const c0 = f32x4.splat(1.0000001192092896);
  let sum = f32x4.splat(0);
  for (let at = scores; at < end; at += 16) {
    const power = f32x4.pmax(f32x4.mul(f32x4.sub(v128.load(at), largest), factor), least);
    const shifted = f32x4.add(power, shift);
    const f = f32x4.sub(power, f32x4.sub(shifted, shift));
    const y = madd(madd(madd(madd(madd(c5, f, c4), f, c3), f, c2), f, c1), f, c0);
    // Both are positive floats: adding to the exponent of y multiplies it.
    const weight = i32x4.add(y, i32x4.shl(shifted, 23));
    v128.store(at, weight);
    sum = f32x4.add(sum, weight);
  }
  for (let i = length; i < padded; i++) store<f32>(scores + ((<usize>i) << 2), 0);
  return <f32>1 / sumOf(sum);
}
