import { halfToFloat, toHalves } from '../float16.ts';
import type { Precision } from '../types.ts';

/** A matrix in whole numbers: number ≈ code · scale of its block. */
export interface BlockCodes {
  /** `[rows, columns]`. */
  readonly codes: Int8Array;
  /** `[rows, blocks]`, blocks of columns. */
  readonly scales: Float32Array;
  /** Blocks of a row. */
  readonly blocks: number;
}

/** How many bits a code has, and how many columns share a scale. */
export interface BlockFormat {
  readonly bits: 4 | 8;
  readonly block: number;
}

/** What precision `q8` means: a scale for a whole row would lose four times as much as one for 64 weights (nano, 1 − cosine). */
export const Q8: BlockFormat = { bits: 8, block: 64 };
/** What precision `q4` means. */
export const Q4: BlockFormat = { bits: 4, block: 32 };

/** Codes of 4 bits are few enough for the largest size to be a bad measure: these shares of it are tried. */
const SHARES_OF_4_BITS = [1, 0.95, 0.9, 0.85, 0.8, 0.75];

/**
 * Quantises the rows of a matrix in blocks: the largest size of a block becomes the largest code, `2^(bits − 1) − 1`. In 4 bits a
 * smaller size does where the sum of squared errors is less for it, and numbers beyond are cut.
 */
export function quantiseBlocks(
  data: Float32Array,
  rows: number,
  columns: number,
  { bits, block }: BlockFormat,
): BlockCodes {
  const blocks = Math.ceil(columns / block);
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array(rows * blocks);
  const most = 2 ** (bits - 1) - 1;
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const start = row * columns + b * block;
      const end = Math.min(start + block, (row + 1) * columns);
      let largest = 0;
      for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(data[i]));
      const scale = bits === 8 ? largest / most : bestScale(data.subarray(start, end), largest, most);
      scales[row * blocks + b] = scale;
      const factor = scale > 0 ? 1 / scale : 0;
      for (let i = start; i < end; i++) {
        codes[i] = Math.max(-most, Math.min(most, Math.round(data[i] * factor)));
      }
    }
  }
  return { codes, scales, blocks };
}

function bestScale(numbers: Float32Array, largest: number, most: number): number {
  if (largest === 0) return 0;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const share of SHARES_OF_4_BITS) {
    const scale = (share * largest) / most;
    let error = 0;
    for (const value of numbers) {
      const code = Math.max(-most, Math.min(most, Math.round(value / scale)));
      error += (value - code * scale) ** 2;
    }
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

/** A matrix as it is after its weights were kept in a number type, in float32 again. */
export function rounded(
  data: Float32Array,
  rows: number,
  columns: number,
  precision: Precision,
): Float32Array {
  if (precision === 'f32') return data;
  if (precision === 'f16') return Float32Array.from(toHalves(data), halfToFloat);
  const format = precision === 'q8' ? Q8 : Q4;
  const { codes, scales, blocks } = quantiseBlocks(data, rows, columns, format);
  return Float32Array.from(codes, (code, i) => {
    const row = Math.floor(i / columns);
    return code * scales[row * blocks + Math.floor((i % columns) / format.block)];
  });
}
