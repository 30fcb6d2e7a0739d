import type { CodeKind } from './code-layout.ts';
import { INT4_ZERO } from './quantise.ts';

/** Numbers that are looked at. */
const SAMPLE = 32_768;
/** Ranges that are tried, as shares of the largest number. */
const TRIALS = 40;

/**
 * The range of codes that keeps vectors best: with the least mean squared error over a sample of them. Numbers beyond it are
 * cut, which costs less than wide steps for all the others.
 *
 * @param vectors - `[count, dimensions]` of unit length, some thousands of numbers at least.
 * @returns a float32; 1 for kinds that need no range, and where there are no vectors.
 */
export function calibrateRange(kind: CodeKind, vectors: Float32Array): number {
  if (kind === 'float32' || kind === 'binary') return 1;
  const sample = sampleOf(vectors);
  const largest = sample.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (largest === 0) return 1;
  let best = largest;
  let least = Number.POSITIVE_INFINITY;
  for (let trial = TRIALS; trial > TRIALS / 10; trial--) {
    const range = Math.fround((largest * trial) / TRIALS);
    const error = kind === 'int8' ? int8Error(sample, range) : int4Error(sample, range);
    if (error >= least) continue;
    least = error;
    best = range;
  }
  return Math.fround(best);
}

/** Numbers at even distances; the distance is odd, so that not always the same dimensions are met. */
function sampleOf(vectors: Float32Array): Float32Array {
  const distance = Math.floor(vectors.length / SAMPLE) | 1;
  const sample = new Float32Array(Math.ceil(vectors.length / distance));
  for (let i = 0; i < sample.length; i++) sample[i] = vectors[i * distance];
  return sample;
}

function int8Error(sample: Float32Array, range: number): number {
  const step = range / 127;
  const steps = 127 / range;
  let sum = 0;
  for (let i = 0; i < sample.length; i++) {
    const size = Math.abs(sample[i]);
    const error = size >= range ? size - range : size - ((size * steps + 0.5) | 0) * step;
    sum += error * error;
  }
  return sum;
}

function int4Error(sample: Float32Array, range: number): number {
  const step = range / INT4_ZERO;
  const steps = INT4_ZERO / range;
  let sum = 0;
  for (let i = 0; i < sample.length; i++) {
    // Codes lie at halves of a step: that of sizes from 0 to 1 step is at half a step.
    const size = Math.abs(sample[i]);
    const error = size >= range ? size - range : size - (((size * steps) | 0) + 0.5) * step;
    sum += error * error;
  }
  return sum;
}
