/** Least spread of a dimension: a number that is unlike those of the sample is not to take the steps of all others. */
const LEAST_SPREAD = 0.3;
/** Largest number of a vector of unit length, with room for rounding. */
const MOST_OF_UNIT = 1.01;

/**
 * What the codes of an index are relative to. Embeddings lie in a narrow cone: most of each vector is the mean of all, which tells none from
 * another, and their dimensions differ in variance. Codes that need not tell the mean again and again have finer steps for the rest.
 */
export interface Calibration {
  /** `[dimensions]` */
  readonly mean: Float32Array;
  /** `[dimensions]` standard deviations, divided by the root of the mean of their squares. */
  readonly spread: Float32Array;
}

/** Codes of the numbers themselves. */
export function noCalibration(dimensions: number): Calibration {
  return { mean: new Float32Array(dimensions), spread: new Float32Array(dimensions).fill(1) };
}

/**
 * The mean and the spread of some vectors. What comes later may differ: codes are a little coarser then, and nothing is cut off.
 *
 * @param vectors - `[count, dimensions]` of unit length.
 */
export function calibrate(vectors: Float32Array, dimensions: number): Calibration {
  const count = vectors.length / dimensions;
  if (count === 0) return noCalibration(dimensions);
  const sums = new Float64Array(dimensions);
  for (let at = 0; at < vectors.length; at += dimensions)
    for (let i = 0; i < dimensions; i++) sums[i] += vectors[at + i];
  const mean = Float32Array.from(sums, (sum) => sum / count);
  const squares = new Float64Array(dimensions);
  for (let at = 0; at < vectors.length; at += dimensions)
    for (let i = 0; i < dimensions; i++) squares[i] += (vectors[at + i] - mean[i]) ** 2;
  const middle = squares.reduce((sum, square) => sum + square, 0) / dimensions;
  const spread = Float32Array.from(squares, (square) =>
    middle > 0 ? Math.max(LEAST_SPREAD, Math.sqrt(square / middle)) : 1,
  );
  return { mean, spread };
}

/** Whether codes by one mean the same as codes by the other. */
export function isSameCalibration(one: Calibration, other: Calibration): boolean {
  if (one === other) return true;
  return one.mean.every((x, i) => x === other.mean[i]) && one.spread.every((x, i) => x === other.spread[i]);
}

/** A calibration as files have it: f32 `[2, dimensions]`. */
export function calibrationBytes({ mean, spread }: Calibration): Uint8Array<ArrayBuffer> {
  const both = new Float32Array(2 * mean.length);
  both.set(mean);
  both.set(spread, mean.length);
  return new Uint8Array(both.buffer);
}

/** Reads {@link calibrationBytes}; nothing where they are none for so many dimensions. */
export function readCalibration(bytes: Uint8Array, dimensions: number): Calibration | undefined {
  if (bytes.length !== 8 * dimensions) return undefined;
  const both = new Float32Array(bytes.slice().buffer);
  const mean = both.slice(0, dimensions);
  const spread = both.slice(dimensions);
  const isFine =
    mean.every((x) => Math.abs(x) <= MOST_OF_UNIT) &&
    spread.every((x) => x >= Math.fround(LEAST_SPREAD) && x <= Math.sqrt(dimensions) + 1);
  return isFine ? { mean, spread } : undefined;
}
