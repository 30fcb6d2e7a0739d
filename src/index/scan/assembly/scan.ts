import { bestBytes, keep, threshold } from './best';
import { BLOCK_BYTES, Block, Scan } from './jobs';
import {
  addFourBits,
  addFourBitsPlain,
  addHalves,
  addPlain,
  addWhole,
  dotFloats,
  dotSigns,
  QUERY_HEAD,
  sortable,
  sums,
} from './dots';
import { factorsOf } from './factors';

/** How rows are compared with queries, as scanner.ts numbers it. */
export const FLOATS: i32 = 0;
export const HALVES: i32 = 1;
export const WHOLE: i32 = 2;
export const PLAIN: i32 = 3;
export const FOUR_BITS: i32 = 4;
export const FOUR_BITS_PLAIN: i32 = 5;
export const SIGNS: i32 = 6;

/** Bytes of a row in a plane of whole numbers. */
const PLANE: usize = 64;

/** Rows of a word of a mask. */
const WORD: i32 = 32;

/** Bytes of the sums of a block's rows. */
const SUMS_BYTES: usize = 16 << 10;

/** Every query looks at a block while it is in the cache, so that many of them read memory once. */
export function scan(job: Scan, chunk: i32, scratch: usize): void {
  const from = chunk * job.blocksPerChunk;
  const to = min(from + job.blocksPerChunk, job.blockCount);
  for (let at = from; at < to; at++) {
    const block = changetype<Block>(job.blocks + <usize>at * BLOCK_BYTES);
    let query = job.queries;
    let best = scratch + SUMS_BYTES;
    for (let i = 0; i < job.queryCount; i++) {
      scanBlock(job, block, query, best, scratch);
      query += job.queryBytes;
      best += bestBytes(job.candidates);
    }
  }
}

/** One loop for each kind, so that no loop has to ask. */
function scanBlock(job: Scan, block: Block, query: usize, best: usize, waiting: usize): void {
  switch (job.kind) {
    case FLOATS:
      rows(FLOATS, job, block, query, best);
      break;
    case HALVES:
      if (ASC_FEATURE_RELAXED_SIMD) planewise(HALVES, job, block, query, best, waiting);
      break;
    case WHOLE:
      if (ASC_FEATURE_RELAXED_SIMD) planewise(WHOLE, job, block, query, best, waiting);
      break;
    case PLAIN:
      if (!ASC_FEATURE_RELAXED_SIMD) planewise(PLAIN, job, block, query, best, waiting);
      break;
    case FOUR_BITS:
      if (ASC_FEATURE_RELAXED_SIMD) planewise(FOUR_BITS, job, block, query, best, waiting);
      break;
    case FOUR_BITS_PLAIN:
      if (!ASC_FEATURE_RELAXED_SIMD) planewise(FOUR_BITS_PLAIN, job, block, query, best, waiting);
      break;
    case SIGNS:
      rows(SIGNS, job, block, query, best);
      break;
  }
}

/** Rows of one plane, four at a time: those that take part and score more than the worst that is kept are kept. */
// @ts-ignore: decorator
@inline
function rows(kind: i32, job: Scan, block: Block, query: usize, best: usize): void {
  const candidates = job.candidates;
  const count = block.rows;
  const mask = block.mask;
  const bytes: usize = job.planeBytes;
  const stride = <usize>block.stride;
  const factors = block.codes + stride * bytes;
  const less = v128.load(query, 16);
  let o1: usize = bytes;
  let o2: usize = bytes << 1;
  let o3: usize = o1 + o2;
  let least = i32x4.splat(threshold(best, candidates));
  for (let row = 0; row < count; row += 4) {
    let part = 15;
    if (mask != 0) {
      const word = load<u32>(mask + ((<usize>row >> 5) << 2));
      if (word == 0) {
        row |= 28; // on to the next 32
        continue;
      }
      part = (word >> (row & 31)) & 15;
      if (part == 0) continue;
    }
    const left = count - row;
    if (left < 4) {
      // There is nothing behind the last row, which stands in for those that are not there.
      part &= (1 << left) - 1;
      const last: usize = <usize>(left - 1) * bytes;
      o1 = min<usize>(o1, last);
      o2 = min<usize>(o2, last);
      o3 = min<usize>(o3, last);
    }
    const first = block.codes + <usize>row * bytes;
    let scores: v128;
    if (kind == FLOATS) scores = dotFloats(query, first, o1, o2, o3, bytes);
    else {
      const whole = f32x4.convert_i32x4_s(dotSigns(query, first, o1, o2, o3, bytes));
      const at = factors + <usize>row;
      const own = f32x4.mul(whole, factorsOf(at));
      scores = f32x4.sub(own, f32x4.mul(less, factorsOf(at + stride)));
    }
    scores = sortable(scores);
    part &= i32x4.bitmask(i32x4.gt_s(scores, least));
    if (part == 0) continue;
    keepRows(best, candidates, scores, part, block.first + row);
    least = i32x4.splat(threshold(best, candidates));
  }
}

/**
 * Rows of several planes, plane by plane: the sums of a plane wait, in the nearest cache, for those of the next one. So codes are read
 * from one place at a time, in their order. To read all planes of a row at once took twice as long, as the processor does not foresee what
 * will be read.
 */
// @ts-ignore: decorator
@inline
function planewise(kind: i32, job: Scan, block: Block, query: usize, best: usize, waiting: usize): void {
  const candidates = job.candidates;
  const count = block.rows;
  const mask = block.mask;
  const planes = job.planes;
  const step = <usize>block.stride * PLANE;
  const factors = block.codes + <usize>job.allPlanes * step;
  const queryStep = (job.queryBytes - QUERY_HEAD) / planes;
  const begin = v128.load(query);
  const turned = v128.load(query, 16);
  let least = i32x4.splat(threshold(best, candidates));
  let codes = block.codes;
  let numbers = query + QUERY_HEAD;
  for (let plane = 0; plane < planes; plane++) {
    for (let row = 0; row < count; row += WORD) {
      const first = codes + <usize>row * PLANE;
      const sumsOfWord = waiting + (<usize>row << 4);
      for (let bits = wordOf(mask, row, count); bits != 0; bits &= bits - 1) {
        const at = <usize>ctz(bits);
        const sum = sumsOfWord + (at << 4);
        const from = first + at * PLANE;
        const before = plane == 0 ? i32x4.splat(0) : v128.load(sum);
        let after: v128;
        if (kind == HALVES) after = addHalves(numbers, from, before);
        else if (kind == WHOLE) after = addWhole(numbers, turned, from, before);
        else if (kind == PLAIN) after = addPlain(numbers, from, before);
        else if (kind == FOUR_BITS) after = addFourBits(numbers, from, before);
        else after = addFourBitsPlain(numbers, from, before);
        v128.store(sum, after);
      }
    }
    codes += step;
    numbers += queryStep;
  }
  for (let row = 0; row < count; row += WORD) {
    const part = wordOf(mask, row, count);
    if (part == 0) continue;
    for (let at = 0; at < WORD; at += 4) {
      let four = (part >> at) & 15;
      if (four == 0) continue;
      const sum = waiting + (<usize>(row + at) << 4);
      const lanes = sums(v128.load(sum), v128.load(sum, 16), v128.load(sum, 32), v128.load(sum, 48));
      const whole = i32x4.add(begin, kind == FOUR_BITS || kind == FOUR_BITS_PLAIN ? i32x4.shl(lanes, 1) : lanes);
      const scores = sortable(f32x4.mul(f32x4.convert_i32x4_s(whole), factorsOf(factors + <usize>(row + at))));
      four &= i32x4.bitmask(i32x4.gt_s(scores, least));
      if (four == 0) continue;
      keepRows(best, candidates, scores, four, block.first + row + at);
      least = i32x4.splat(threshold(best, candidates));
    }
  }
}

/** Bits of the rows that take part, of 32 from `row` on. */
// @ts-ignore: decorator
@inline
function wordOf(mask: usize, row: i32, count: i32): u32 {
  const left = count - row;
  const all: u32 = left < WORD ? (1 << left) - 1 : 0xffffffff;
  return mask != 0 ? all & load<u32>(mask + (<usize>(row >> 5) << 2)) : all;
}

/** Rare, and so apart from the loop. */
function keepRows(best: usize, candidates: i32, scores: v128, part: i32, row: u32): void {
  if (part & 1) keepRow(best, candidates, i32x4.extract_lane(scores, 0), row);
  if (part & 2) keepRow(best, candidates, i32x4.extract_lane(scores, 1), row + 1);
  if (part & 4) keepRow(best, candidates, i32x4.extract_lane(scores, 2), row + 2);
  if (part & 8) keepRow(best, candidates, i32x4.extract_lane(scores, 3), row + 3);
}

// @ts-ignore: decorator
@inline
function keepRow(best: usize, candidates: i32, score: i32, row: u32): void {
  if (score > threshold(best, candidates)) keep(best, candidates, score, row);
}
