import { BLOCK_ROWS, placeInBlock } from '../vectors/code-layout.ts';
import { codeStep, INT4_ZERO } from '../vectors/quantise.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';
import { floatDot } from './plain-scan.ts';

/**
 * Cosines of some rows by all their planes and the query in floats: what a scan's candidates are put in order by. Of a float32
 * column it is the scan's own number, bit for bit; of the others a sum in float64, rounded to float32. What codes of int8 and int4 mean is not quite of
 * unit length, by some percents with four bits, so it is divided by its length.
 *
 * @param vector - `[dimensions]` of unit length.
 * @returns a score for each of `rows`.
 */
export function rescore(column: VectorColumn, rows: ArrayLike<number>, vector: Float32Array): Float32Array {
  const scores = new Float32Array(rows.length);
  const { layout } = column;
  const step = codeStep(layout, column.range);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const { address, stride } = column.block(Math.floor(row / BLOCK_ROWS));
    const at = address + placeInBlock(layout, stride, row % BLOCK_ROWS, 0);
    scores[i] = scoreAt(column, at, stride * layout.planeBytes, vector, step);
  }
  return scores;
}

function scoreAt(
  column: VectorColumn,
  at: number,
  planeStep: number,
  vector: Float32Array,
  step: number,
): number {
  const { layout, heap } = column;
  const { kind } = layout;
  if (kind === 'float32') return floatDot(vector, heap.floats, at / 4);
  if (kind === 'binary') return step * signedSum(vector, heap.bytes, at);
  const add = kind === 'int8' ? addInt8 : addInt4;
  const sums: Sums = { dot: 0, squares: 0 };
  for (let plane = 0; plane < layout.planes; plane++) {
    const codes = kind === 'int8' ? heap.int8s : heap.bytes;
    add(vector, plane * layout.planeDimensions, codes, at + plane * planeStep, sums);
  }
  return sums.squares > 0 ? sums.dot / Math.sqrt(sums.squares) : 0;
}

/** Of codes times the query, and of codes squared; the step between codes falls out of their quotient. */
interface Sums {
  dot: number;
  squares: number;
}

function addInt8(
  vector: Float32Array,
  from: number,
  codes: Int8Array | Uint8Array,
  at: number,
  sums: Sums,
): void {
  const end = Math.min(64, vector.length - from);
  let dot = 0;
  let squares = 0;
  for (let i = 0; i < end; i++) {
    const code = codes[at + i];
    dot += vector[from + i] * code;
    squares += code * code;
  }
  sums.dot += dot;
  sums.squares += squares;
}

function addInt4(
  vector: Float32Array,
  from: number,
  codes: Int8Array | Uint8Array,
  at: number,
  sums: Sums,
): void {
  const low = Math.min(64, vector.length - from);
  const high = Math.min(64, vector.length - from - 64);
  let dot = 0;
  let squares = 0;
  for (let i = 0; i < low; i++) {
    const code = (codes[at + i] & 15) - INT4_ZERO;
    dot += vector[from + i] * code;
    squares += code * code;
  }
  for (let i = 0; i < high; i++) {
    const code = (codes[at + i] >> 4) - INT4_ZERO;
    dot += vector[from + 64 + i] * code;
    squares += code * code;
  }
  sums.dot += dot;
  sums.squares += squares;
}

function signedSum(vector: Float32Array, bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++)
    sum += (bytes[at + (i >> 3)] >> (i & 7)) & 1 ? vector[i] : -vector[i];
  return sum;
}
