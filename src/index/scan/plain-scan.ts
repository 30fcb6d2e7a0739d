import { BLOCK_ROWS, factorInBlock } from '../vectors/code-layout.ts';
import { factorOf } from '../vectors/row-factor.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';
import type { BestRows } from './best-rows.ts';
import type { WholeQuery } from './query-codes.ts';

/** Compares a row with a query, as a whole number. */
type Compare = (row: number) => number;

/**
 * The scan of the kernels in TypeScript, for engines without WebAssembly: the same numbers, and so the same rows.
 *
 * @param first - number of the column's first row among the rows of all columns.
 * @param vector - `[dimensions]`, for floats; the other kinds take `whole`.
 */
export function plainScan(
  column: VectorColumn,
  mask: Uint32Array | undefined,
  first: number,
  vector: Float32Array,
  whole: WholeQuery,
  planes: number,
  best: BestRows,
): void {
  for (let at = 0; at < column.blockCount; at++) {
    const { address, rows, stride } = column.block(at);
    const compare = comparer(column, address, stride, vector, whole, planes);
    const start = at * BLOCK_ROWS;
    for (let row = 0; row < rows; row++) {
      const number = start + row;
      if (mask && !((mask[number >> 5] >> (number & 31)) & 1)) continue;
      const score = compare(row);
      if (score > best.threshold) best.add(score, first + number);
    }
  }
}

function comparer(
  { layout, heap }: VectorColumn,
  address: number,
  stride: number,
  vector: Float32Array,
  { codes, sum, less }: WholeQuery,
  planes: number,
): Compare {
  const { kind, planeBytes } = layout;
  const { bytes, int8s, floats } = heap;
  const place = (row: number, plane: number) => address + (plane * stride + row) * planeBytes;
  const factor = (row: number, at: number) =>
    factorOf(bytes[address + factorInBlock(layout, stride, row, at)]);
  if (kind === 'float32') return (row) => inWholeNumbers(floatDot(vector, floats, place(row, 0) / 4));
  if (kind === 'binary') {
    return (row) => {
      const whole = 2 * sumOfSet(codes, bytes, place(row, 0)) - sum;
      return inWholeNumbers(fround(fround(fround(whole) * factor(row, 0)) - fround(less * factor(row, 1))));
    };
  }
  const dot = kind === 'int8' ? int8Dot : int4Dot;
  return (row) => {
    let whole = 0;
    for (let plane = 0; plane < planes; plane++)
      whole += dot(codes, plane * layout.planeDimensions, kind === 'int8' ? int8s : bytes, place(row, plane));
    if (kind === 'int4') whole = 2 * whole - 15 * sum;
    return inWholeNumbers(fround(fround(whole) * factor(row, 0)));
  };
}

function int8Dot(query: Int8Array, from: number, codes: Int8Array | Uint8Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < 64; i++) sum += query[from + i] * codes[at + i];
  return sum;
}

function int4Dot(query: Int8Array, from: number, codes: Int8Array | Uint8Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < 64; i++) {
    const byte = codes[at + i];
    sum += query[from + i] * (byte & 15) + query[from + 64 + i] * (byte >> 4);
  }
  return sum;
}

/** The sum of the query's codes where the row's bit is set. */
function sumOfSet(query: Int8Array, bits: Uint8Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < query.length; i++) if ((bits[at + (i >> 3)] >> (i & 7)) & 1) sum += query[i];
  return sum;
}

const { fround } = Math;

/** Sums of dimensions i, i + 16, i + 32 … */
const lanes = new Float32Array(16);

/**
 * The product as the kernels add it (assembly/dots.ts), bit for bit: lane l of 16 sums dimensions l, l + 16, l + 32 …
 *
 * @param at - where the row begins.
 */
export function floatDot(vector: Float32Array, floats: Float32Array, at: number): number {
  lanes.fill(0);
  for (let i = 0; i < vector.length; i++) lanes[i & 15] += fround(vector[i] * floats[at + i]);
  for (let i = 0; i < 4; i++)
    lanes[i] = fround(lanes[i] + lanes[i + 4]) + fround(lanes[i + 8] + lanes[i + 12]);
  return fround(fround(lanes[0] + lanes[2]) + fround(lanes[1] + lanes[3]));
}

const float = new Float32Array(1);
const word = new Int32Array(float.buffer);

/** A float as a whole number that compares as it does. */
function inWholeNumbers(x: number): number {
  float[0] = x;
  return word[0] ^ ((word[0] >> 31) & 0x7fffffff);
}

/** The floats of such whole numbers. */
export function inFloats(whole: Int32Array): Float32Array {
  const turned = whole.map((x) => x ^ ((x >> 31) & 0x7fffffff));
  return new Float32Array(turned.buffer);
}
