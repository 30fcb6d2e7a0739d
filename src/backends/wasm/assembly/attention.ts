import { Attention } from './jobs';
import { exp, maxOf, sumOf } from './simd';
import { PANEL, ROWS, tiles } from './tile';

/**
 * One head of one text: softmax(q·kᵀ·scale)·v for up to six queries at a time. Keys and values are put into panels first, so that both
 * products are the tile of `linear`; the scores of six queries are all that is kept of the matrix of scores.
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
    for (let r = 0; r < rows; r++) softmax(scores + <usize>r * scoreBytes, length, padded, job.scale);
    const out = y + <usize>row * hidden;
    for (let at: usize = 0; at < headBytes; at += PANEL << 2) {
      tiles(rows, scores, scoreBytes, values + at * <usize>padded, padded, out + at, hidden);
    }
  }
}

/** Keys next to each other, feature by feature: a transposition. */
function packKeys(k: usize, stride: usize, length: i32, padded: i32, headBytes: usize, keys: usize): void {
  for (let key = 0; key < padded; key++) {
    const panel = keys + <usize>(key & ~(PANEL - 1)) * headBytes + ((<usize>(key & (PANEL - 1))) << 2);
    const row = k + <usize>key * stride;
    for (let at: usize = 0; at < headBytes; at += 4) {
      store<f32>(panel + at * PANEL, key < length ? load<f32>(row + at) : 0);
    }
  }
}

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
    for (let key = 0; key < padded; key++) {
      const row = v + <usize>key * stride + at;
      const inside = key < length;
      v128.store(panel, inside ? v128.load(row) : zero);
      v128.store(panel, inside ? v128.load(row, 16) : zero, 16);
      panel += PANEL << 2;
    }
  }
}

/** Scores become weights whose sum is 1; those of the padding become 0. */
function softmax(scores: usize, length: i32, padded: i32, scale: f32): void {
  for (let i = length; i < padded; i++) store<f32>(scores + ((<usize>i) << 2), -Infinity);
  const bytes = (<usize>padded) << 2;
  let most = v128.load(scores);
  for (let at: usize = 16; at < bytes; at += 16) most = f32x4.pmax(most, v128.load(scores + at));
  const largest = f32x4.splat(maxOf(most));
  const factor = f32x4.splat(scale);
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const weight = exp(f32x4.mul(f32x4.sub(v128.load(scores + at), largest), factor));
    v128.store(scores + at, weight);
    sum = f32x4.add(sum, weight);
  }
  const inverse = f32x4.splat(<f32>1 / sumOf(sum));
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(scores + at, f32x4.mul(v128.load(scores + at), inverse));
}
