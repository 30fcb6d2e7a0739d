import type { Lane } from './lanes.ts';

/** Least cosine to another engine's vectors. Features in 8 bits, with one scale for all of them, lose the most. */
const LEAST = { int8: 0.9, others: 0.99 };

/** @returns nothing where a lane has the expected vectors, or words about how far off it is. */
export function agreement(
  { precision }: Lane,
  vectors: readonly Float32Array[],
  expected: readonly Float32Array[],
): string | undefined {
  const least = precision === 'int8' ? LEAST.int8 : LEAST.others;
  for (const [i, vector] of vectors.entries()) {
    const cosine = dot(vector, expected[i]);
    if (!(cosine > least))
      return `Text ${i} has another vector than in the first lane: the cosine is ${cosine.toFixed(4)}; needed: ${least}.`;
  }
  return undefined;
}

/** The cosine, as vectors have unit length. */
function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
