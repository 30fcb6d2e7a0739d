/** Length of the mean of vectors of unit length at most, with room for rounding. */
const MOST_OF_UNIT = 1.01;

/**
 * The mean of some vectors, which the codes of an index are relative to. Embeddings lie in a narrow cone: most of each vector is the mean of all, which tells
 * none from another, and codes that need not tell it again and again have finer steps for the rest. What comes later may have another mean:
 * codes are a little coarser then.
 *
 * @param vectors - `[count, dimensions]`
 * @returns `[dimensions]`, zeros where there are none.
 */
export function meanOf(vectors: Float32Array, dimensions: number): Float32Array {
  const count = Math.max(1, vectors.length / dimensions);
  const sums = new Float64Array(dimensions);
  for (let at = 0; at < vectors.length; at += dimensions)
    for (let i = 0; i < dimensions; i++) sums[i] += vectors[at + i];
  return Float32Array.from(sums, (sum) => sum / count);
}

/** Whether codes by one mean the same as codes by the other. */
export function isSameMean(one: Float32Array, other: Float32Array): boolean {
  return one === other || (one.length === other.length && one.every((x, i) => x === other[i]));
}

/** Whether it may be the mean of vectors of unit length. */
export function isMean(mean: Float32Array, dimensions: number): boolean {
  const squares = mean.reduce((sum, x) => sum + x * x, 0);
  return mean.length === dimensions && squares <= MOST_OF_UNIT ** 2;
}

/** A mean as files have it. */
export function meanBytes(mean: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(mean.slice().buffer);
}

/** Reads {@link meanBytes}; nothing where they are no mean of so many dimensions. */
export function readMean(bytes: Uint8Array, dimensions: number): Float32Array | undefined {
  if (bytes.length !== 4 * dimensions) return undefined;
  const mean = new Float32Array(Uint8Array.from(bytes).buffer);
  return isMean(mean, dimensions) ? mean : undefined;
}
