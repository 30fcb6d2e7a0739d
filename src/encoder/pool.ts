/**
 * Matryoshka truncation: the first `dimensions` features of a pooled vector, then scaled to unit length.
 * (Cutting a vector that is already normalised would leave it shorter than one.) Sums in float64.
 *
 * @param pooled - `[hidden]`, as the encoder left it.
 * @param target - `[dimensions]`, written.
 */
export function truncateAndNormalise(pooled: Float32Array, target: Float32Array): void {
  let squares = 0;
  for (let i = 0; i < target.length; i++) squares += pooled[i] * pooled[i];
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  for (let i = 0; i < target.length; i++) target[i] = pooled[i] * scale;
}
