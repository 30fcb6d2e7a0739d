/** Vectors for tests, the same ones each time. */

/** Numbers from 0 to 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `[count, dimensions]` of unit length, in clusters of 20 or so, as the vectors of texts are. */
export function randomVectors(count: number, dimensions: number, seed: number, spread = 0.7): Float32Array {
  const random = randomNumbers(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const clusters = Math.max(1, Math.round(count / 20));
  const centres = Float32Array.from({ length: clusters * dimensions }, normal);
  const vectors = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row++) {
    const from = Math.floor(random() * clusters) * dimensions;
    const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions);
    for (let i = 0; i < dimensions; i++) vector[i] = centres[from + i] + spread * normal();
    const length = Math.hypot(...vector);
    for (let i = 0; i < dimensions; i++) vector[i] /= length;
  }
  return vectors;
}
