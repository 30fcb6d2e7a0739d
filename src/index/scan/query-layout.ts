import type { CodeLayout } from '../vectors/code-layout.ts';
import {
  FLOATS,
  FOUR_BITS,
  FOUR_BITS_PLAIN,
  HALVES,
  type Multiplier,
  QUERY_HEAD,
  SIGN_SLICES,
  SIGNS,
  WHOLE,
} from './dots.ts';
import type { Heap } from './heap.ts';
import type { WholeQuery } from './query-codes.ts';

/** Numbers that an instruction takes from a query. */
const LANES = 16;
/** Dimensions of the low halves of an int4 plane. */
const HALF_PLANE = 64;

/**
 * Writes a query as its kernel (assembly/dots.ts) reads it: 16 bytes of sums to begin with, 16 bytes of bits that are turned in
 * codes or of what second factors are multiplied by, and its numbers in the order in which they are needed.
 *
 * @param at - where it begins, a multiple of 16.
 */
export function writeQuery(
  heap: Heap,
  at: number,
  dot: number,
  multiplier: Multiplier,
  layout: CodeLayout,
  vector: Float32Array,
  whole: WholeQuery,
): void {
  const head = heap.words.subarray(at / 4, (at + QUERY_HEAD) / 4);
  const numbers = at + QUERY_HEAD;
  head.fill(0);
  if (dot === FLOATS) {
    heap.floats.fill(0, numbers / 4, (numbers + layout.planeBytes) / 4);
    heap.floats.set(vector, numbers / 4);
  } else if (dot === SIGNS) {
    head.fill(-whole.sum, 0, 4);
    heap.floats.fill(whole.less, (at + 16) / 4, (at + QUERY_HEAD) / 4);
    heap.bytes.set(bySlices(whole.codes, layout.planeBytes), numbers);
  } else if (dot === WHOLE) {
    heap.int8s.set(whole.codes, numbers);
    if (multiplier === 'eight-bits') {
      // Codes without a sign are larger by 128.
      head.fill(-128 * whole.sum, 0, 4);
      head.fill(0x80808080, 4, 8);
    }
  } else if (dot === HALVES) writeHalves(heap.int8s, numbers, whole.codes);
  else if (dot === FOUR_BITS) {
    head.fill(-15 * whole.sum, 0, 4);
    heap.int8s.set(byNibbles(whole.codes), numbers);
  } else {
    if (dot === FOUR_BITS_PLAIN) head.fill(-15 * whole.sum, 0, 4);
    const codes = dot === FOUR_BITS_PLAIN ? byWideNibbles(whole.codes) : whole.codes;
    new Int16Array(heap.bytes.buffer, numbers, codes.length).set(codes);
  }
}

/** Bit 0 of all numbers, in the order of a row's bits, then bit 1 of all, and so on up to the sign. */
function bySlices(codes: Int8Array, planeBytes: number): Uint8Array {
  const slices = new Uint8Array(SIGN_SLICES * planeBytes);
  for (let i = 0; i < codes.length; i++) {
    for (let slice = 0; slice < SIGN_SLICES; slice++)
      slices[slice * planeBytes + (i >> 3)] |= ((codes[i] >> slice) & 1) << (i & 7);
  }
  return slices;
}

/** Per 16 numbers the positive ones, and then the negative ones turned. */
function writeHalves(bytes: Int8Array, at: number, codes: Int8Array): void {
  for (let i = 0; i < codes.length; i += LANES) {
    for (let lane = 0; lane < LANES; lane++) {
      const code = codes[i + lane];
      bytes[at + 2 * i + lane] = Math.max(code, 0);
      bytes[at + 2 * i + LANES + lane] = Math.max(-code, 0);
    }
  }
}

/** Per 16 bytes of an int4 row, the numbers for its low halves and those for its high halves. */
function byNibbles(codes: Int8Array): Int8Array {
  const ordered = new Int8Array(codes.length);
  for (let plane = 0; plane < codes.length; plane += 2 * HALF_PLANE) {
    for (let i = 0; i < HALF_PLANE; i += LANES) {
      const low = plane + i;
      ordered.set(codes.subarray(low, low + LANES), plane + 2 * i);
      ordered.set(codes.subarray(low + HALF_PLANE, low + HALF_PLANE + LANES), plane + 2 * i + LANES);
    }
  }
  return ordered;
}

/** Per 16 bytes of an int4 row, the numbers for the low and the high halves of its even bytes, and then of its odd bytes. */
function byWideNibbles(codes: Int8Array): Int8Array {
  const ordered = new Int8Array(codes.length);
  let to = 0;
  for (let plane = 0; plane < codes.length; plane += 2 * HALF_PLANE) {
    for (let i = plane; i < plane + HALF_PLANE; i += LANES) {
      for (const from of [i, i + HALF_PLANE, i + 1, i + HALF_PLANE + 1])
        for (let lane = 0; lane < LANES; lane += 2) ordered[to++] = codes[from + lane];
    }
  }
  return ordered;
}
