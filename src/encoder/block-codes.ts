import { halfToFloat, toHalves } from '../float16.ts';
import { release } from '../release.ts';
import type { Precision } from '../types.ts';

/** How many bits a code has, and how many columns share a scale. */
export interface BlockFormat {
  readonly bits: 4 | 8;
  readonly block: number;
}

/** What precision `q8` means: a scale for a whole row would lose four times as much as one for 64 weights (nano, 1 − cosine). */
export const Q8: BlockFormat = { bits: 8, block: 64 };
/** What precision `q4` means. */
export const Q4: BlockFormat = { bits: 4, block: 32 };

/** A matrix in whole numbers: number ≈ code · scale of its block. */
export interface BlockCodes {
  readonly format: BlockFormat;
  /** `[rows, columns]`. */
  readonly codes: Int8Array;
  /** `[rows, blocks]`, blocks of columns. Each is a bfloat16, so that it can be stored in two bytes. */
  readonly scales: Float32Array;
  /** Blocks of a row. */
  readonly blocks: number;
}

/** A weight on its way to a backend: as numbers, or as the whole numbers it was stored in. */
export type MatrixData = Float32Array | BlockCodes;

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
  format: BlockFormat,
): BlockCodes {
  const { bits, block } = format;
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
      const scale =
        bits === 8 ? roundedUp(largest / most) : bestScale(data.subarray(start, end), largest, most);
      scales[row * blocks + b] = scale;
      const factor = scale > 0 ? 1 / scale : 0;
      for (let i = start; i < end; i++) {
        codes[i] = Math.max(-most, Math.min(most, Math.round(data[i] * factor)));
      }
    }
  }
  return { format, codes, scales, blocks };
}

function bestScale(numbers: Float32Array, largest: number, most: number): number {
  if (largest === 0) return 0;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const share of SHARES_OF_4_BITS) {
    const scale = roundedUp((share * largest) / most);
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

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The least bfloat16 that is not below a positive number: the upper half of a float32. Upwards, so that no code is too large. */
function roundedUp(value: number): number {
  float[0] = value;
  // Rounding to float32 may have gone down, and the last bit of a code is worth more than that of a scale.
  word[0] = (word[0] + 0xffff) & 0xffff0000;
  return float[0];
}

/** The numbers that codes stand for, `[rows, columns]`. */
export function numbersOf({ codes, scales, blocks, format: { block } }: BlockCodes): Float32Array {
  const rows = scales.length / blocks;
  const columns = codes.length / rows;
  const numbers = new Float32Array(codes.length);
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const scale = scales[row * blocks + b];
      const end = row * columns + Math.min((b + 1) * block, columns);
      for (let i = row * columns + b * block; i < end; i++) numbers[i] = codes[i] * scale;
    }
  }
  return numbers;
}

/** A matrix in a format: as it is where it is in that format already. */
export function inBlocks(data: MatrixData, rows: number, columns: number, format: BlockFormat): BlockCodes {
  if (isCoded(data) && data.format.bits === format.bits && data.format.block === format.block) return data;
  const numbers = inFloats(data);
  const coded = quantiseBlocks(numbers, rows, columns, format);
  if (numbers !== data) release(numbers);
  return coded;
}

/** A matrix as float32. */
export function inFloats(data: MatrixData): Float32Array {
  return isCoded(data) ? numbersOf(data) : data;
}

function isCoded(data: MatrixData): data is BlockCodes {
  return 'codes' in data;
}

/** A matrix as it is after its weights were kept in a number type, in float32 again. */
export function rounded(data: MatrixData, rows: number, columns: number, precision: Precision): Float32Array {
  if (precision === 'f32') return inFloats(data);
  if (precision === 'f16') return Float32Array.from(toHalves(inFloats(data)), halfToFloat);
  return numbersOf(inBlocks(data, rows, columns, precision === 'q8' ? Q8 : Q4));
}
