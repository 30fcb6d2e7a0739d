import type { RotationTable } from './backend.ts';
import type { RopeConfig } from './config.ts';

/**
 * Inverse wavelengths of rotary position embedding (Su et al. 2021), `[headSize / 2]`: θ^(−2i / headSize).
 *
 * With NTK scaling by a factor f the base is θ·f and each frequency is divided by f^(2 / headSize); the mixed form
 * leaves the base and divides by exp(a·(i + 1)^b), a = ln f / (headSize/2)^b. The GTE code sizes its table
 * for f times the trained positions from the start, so the scaled frequencies hold for short texts too.
 */
export function inverseFrequencies({ theta, scaling }: RopeConfig, headSize: number): Float64Array {
  const half = headSize / 2;
  const base = scaling && scaling.mixedB === undefined ? theta * scaling.factor : theta;
  return Float64Array.from({ length: half }, (_, i) => {
    const plain = base ** (-i / half);
    if (!scaling) return plain;
    if (scaling.mixedB === undefined) return plain / scaling.factor ** (1 / half);
    const a = Math.log(scaling.factor) / half ** scaling.mixedB;
    return plain / Math.exp(a * (i + 1) ** scaling.mixedB);
  });
}

/** Cosines and sines of every angle up to a number of positions, computed in float64. */
export function rotationTable(config: RopeConfig, headSize: number, positions: number): RotationTable {
  const frequencies = inverseFrequencies(config, headSize);
  const values = new Float32Array(positions * headSize);
  let at = 0;
  for (let position = 0; position < positions; position++) {
    for (const frequency of frequencies) {
      values[at++] = Math.cos(position * frequency);
      values[at++] = Math.sin(position * frequency);
    }
  }
  return { positions, values };
}
