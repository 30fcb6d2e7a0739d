import { SternaError } from '../../errors.ts';

/** A vector of any origin; only its direction counts. */
export type VectorLike = Float32Array | Float64Array | Int8Array | readonly number[];

/**
 * The vector, checked and scaled to unit length. Sums are in float64, and the numbers are scaled before they are squared, so
 * that very large and very small ones stay numbers.
 *
 * @param unit - `[dimensions]`, written where it is given, and else made.
 * @throws SternaError `invalid-vector` for a wrong length, NaN, infinity, or zeros alone.
 */
export function unitVector(
  vector: VectorLike,
  dimensions: number,
  unit: Float32Array = new Float32Array(dimensions),
): Float32Array {
  if (vector.length !== dimensions) {
    throw new SternaError(
      'invalid-vector',
      `The vector has ${vector.length} dimensions; needed: ${dimensions}.`,
    );
  }
  if (vector instanceof Float32Array && scaleOrdinary(vector, unit)) return unit;
  let largest = 0;
  for (let i = 0; i < dimensions; i++) {
    const size = finite(vector[i], i);
    if (size > largest) largest = size;
  }
  if (largest === 0)
    throw new SternaError('invalid-vector', 'The vector is all zeros, so it has no direction.');
  let squares = 0;
  for (let i = 0; i < dimensions; i++) {
    const x = vector[i] / largest;
    squares += x * x;
  }
  const length = Math.sqrt(squares);
  for (let i = 0; i < dimensions; i++) unit[i] = vector[i] / largest / length;
  return unit;
}

/** Sums of squares between which no number is too large or too small to be squared in float64. */
const LEAST = 1e-60;
const MOST = 1e60;

/** Most vectors need no care. @returns whether it was one of them, and is written. */
function scaleOrdinary(vector: Float32Array, unit: Float32Array): boolean {
  let a = 0;
  let b = 0;
  const even = vector.length & ~1;
  for (let i = 0; i < even; i += 2) {
    a += vector[i] * vector[i];
    b += vector[i + 1] * vector[i + 1];
  }
  if (even < vector.length) a += vector[even] * vector[even];
  const squares = a + b;
  if (!(squares > LEAST && squares < MOST)) return false;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) unit[i] = vector[i] * scale;
  return true;
}

/** Its absolute value. */
function finite(x: number, dimension: number): number {
  if (Number.isFinite(x)) return Math.abs(x);
  throw new SternaError(
    'invalid-vector',
    `Dimension ${dimension} of the vector is ${x}; needed: finite numbers.`,
  );
}
