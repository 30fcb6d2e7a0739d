import type { RotationTable } from './backend.ts';
import type { RopeConfig } from './config.ts';

const { fround } = Math;

/**
 * Inverse wavelengths of rotary position embedding (Su et al. 2021), `[headSize / 2]`: θ^(−2i / headSize).
 *
 * With NTK scaling by a factor f the base is θ·f and each frequency is divided by f^(2 / headSize); the mixed form
 * leaves the base and divides by exp(a·(i + 1)^b), a = ln f / (headSize/2)^b. The GTE code sizes its table
 * for f times the trained positions from the start, so the scaled frequencies hold for short texts too.
 *
 * Rounded to float32 step by step, as the published code does it: at position 2,000 the rounding turns a vector by
 * more than all other float32 arithmetic together, and models were trained with it.
 */
export function inverseFrequencies({ theta, scaling }: RopeConfig, headSize: number): Float32Array {
  const half = headSize / 2;
  const base = scaling && scaling.mixedB === undefined ? theta * scaling.factor : theta;
  return Float32Array.from({ length: half }, (_, i) => {
    const plain = fround(1 / fround(base ** (i / half)));
    if (!scaling) return plain;
    if (scaling.mixedB === undefined) return plain / fround(scaling.factor ** (1 / half));
    const a = Math.log(scaling.factor) / half ** scaling.mixedB;
    return plain / fround(Math.exp(a * (i + 1) ** scaling.mixedB));
  });
}

/** Cosines and sines of every angle up to a number of positions. Angles are rounded to float32, as above. */
export function rotationTable(config: RopeConfig, headSize: number, positions: number): RotationTable {
  const frequencies = inverseFrequencies(config, headSize);
  const values = new Float32Array(positions * headSize);
  const half = frequencies.length;
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = fround(position * frequencies[i]);
      values[2 * half * position + i] = Math.cos(angle);
      values[2 * half * position + half + i] = Math.sin(angle);
    }
  }
  return { positions, values };
}
