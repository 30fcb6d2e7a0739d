import { codeStep, INT4_ZERO, type RowPlace, rowStep } from '../vectors/quantise.ts';
import { rotationOf } from '../vectors/rotation.ts';
import { factorOf } from '../vectors/row-factor.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';
import { floatDot } from './plain-scan.ts';
import { dot } from './query-codes.ts';

/**
 * Cosines of some rows by all their planes and the query in floats: what a scan's candidates are put in order by. Of a float32
 * column it is the scan's own number, bit for bit; of the others a sum in float64, rounded to float32. What codes of int8 and int4 mean is not quite of
 * unit length, by a percent with four bits, so it is divided by its length. That of bits is an estimate, which may exceed 1 by some percents.
 *
 * @param vector - `[dimensions]` of unit length.
 * @returns a score for each of `rows`.
 */
export function rescore(column: VectorColumn, rows: ArrayLike<number>, vector: Float32Array): Float32Array {
  const scoreAt = scorer(column, vector);
  const scores = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i++) scores[i] = scoreAt(column.place(rows[i]));
  return scores;
}

function scorer(column: VectorColumn, vector: Float32Array): (place: RowPlace) => number {
  const { heap, layout, mean } = column;
  if (layout.kind === 'float32') return ({ at }) => floatDot(vector, heap.floats, at / 4);
  if (layout.kind === 'binary') return signScorer(column, vector);
  const digits = DIGITS[layout.kind];
  const codes = layout.kind === 'int8' ? heap.int8s : heap.bytes;
  // A row is mean + rotation of step · code, so its product with the query has two parts, and its square three.
  const rotation = rotationOf(layout.dimensions);
  const factors = [rotation.apply(vector), rotation.apply(mean)] as const;
  const ofMean = dot(vector, mean);
  const meanSquare = dot(mean, mean);
  const sums: Sums = { query: 0, mean: 0, squares: 0 };
  return (place) => {
    sums.query = 0;
    sums.mean = 0;
    sums.squares = 0;
    for (let plane = 0, from = 0; plane < layout.planes; plane++)
      for (const part of digits) {
        addCodes(factors, from, layout.planeBytes, codes, place.at + plane * place.planeStep, part, sums);
        from += layout.planeBytes;
      }
    const step = rowStep(layout, heap, place);
    const length = meanSquare + 2 * step * sums.mean + step * step * sums.squares;
    return length > 0 ? (ofMean + step * sums.query) / Math.sqrt(length) : 0;
  };
}

/** Of codes times the query, times the mean, and of codes squared. */
interface Sums {
  query: number;
  mean: number;
  squares: number;
}

/** Which bits of a byte are a code, and what of it is zero. */
interface Digits {
  readonly shift: number;
  readonly mask: number;
  readonly zero: number;
}

/** A byte of int8 is a code, one of int4 has two: dimension b in the low half, and dimension b + 64 in the high one. */
const DIGITS: Record<'int8' | 'int4', readonly Digits[]> = {
  int8: [{ shift: 0, mask: -1, zero: 0 }],
  int4: [
    { shift: 0, mask: 15, zero: INT4_ZERO },
    { shift: 4, mask: 15, zero: INT4_ZERO },
  ],
};

type Factors = readonly [query: Float64Array, mean: Float64Array];

/** Adds what the bytes of a plane say of as many dimensions. */
function addCodes(
  [query, mean]: Factors,
  from: number,
  count: number,
  codes: Int8Array | Uint8Array,
  at: number,
  { shift, mask, zero }: Digits,
  sums: Sums,
): void {
  const end = Math.min(count, query.length - from);
  let ofQuery = 0;
  let ofMean = 0;
  let squares = 0;
  for (let i = 0; i < end; i++) {
    const code = ((codes[at + i] >> shift) & mask) - zero;
    ofQuery += query[from + i] * code;
    ofMean += mean[from + i] * code;
    squares += code * code;
  }
  sums.query += ofQuery;
  sums.mean += ofMean;
  sums.squares += squares;
}

/** See {@link Quantiser}: query · x = query · mean + (query − mean) · r + mean · r. */
function signScorer({ heap, layout, mean }: VectorColumn, vector: Float32Array): (place: RowPlace) => number {
  const query = rotationOf(layout.dimensions).apply(vector.map((x, i) => x - mean[i]));
  const offset = dot(vector, mean) + (1 - dot(mean, mean)) / 2;
  const scale = codeStep(layout);
  return ({ at, factorAt, factorStep }) => {
    const factor = factorOf(heap.bytes[factorAt]);
    return (
      offset + factor * scale * signedSum(query, heap.bytes, at) - factorOf(heap.bytes[factorAt + factorStep])
    );
  };
}

function signedSum(vector: Float64Array, bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++)
    sum += (bytes[at + (i >> 3)] >> (i & 7)) & 1 ? vector[i] : -vector[i];
  return sum;
}
