import { Q4, Q8, quantiseBlocks } from '../../encoder/block-codes.ts';
import { toHalves } from '../../float16.ts';
import type { Precision } from '../../types.ts';
import f16 from './kernels/weights-f16.wgsl?raw';
import f32 from './kernels/weights-f32.wgsl?raw';
import q4 from './kernels/weights-q4.wgsl?raw';
import q8 from './kernels/weights-q8.wgsl?raw';

/** A matrix `[outputs, inner]` as the kernels of one number type read it: turned, so that neighbours in memory are outputs. */
export interface EncodedWeight {
  readonly weight: Float32Array | Uint16Array | Uint32Array;
  /** `[blocks, outputs]`, where the weights are whole numbers. */
  readonly scales?: Float32Array;
}

/** One way to keep weights on the GPU. */
export interface WeightFormat {
  /** WGSL of `weights()`, which reads four features of four outputs. */
  readonly code: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Whether there is a binding of scales. */
  readonly scaled: boolean;
  encode(data: Float32Array, outputs: number, inner: number): EncodedWeight;
}

export const weightFormats: Readonly<Record<Precision, WeightFormat>> = {
  f32: {
    code: f32,
    constants: {},
    scaled: false,
    encode: (data, outputs, inner) => ({
      weight: turned(data, new Float32Array(data.length), outputs, inner),
    }),
  },
  f16: {
    code: f16,
    constants: {},
    scaled: false,
    encode: (data, outputs, inner) => {
      const turnedData = turned(data, new Float32Array(data.length), outputs, inner);
      return { weight: toHalves(turnedData) };
    },
  },
  q8: {
    code: q8,
    constants: { BLOCK: Q8.block },
    scaled: true,
    encode: (data, rows, columns) => {
      const { codes, scales, blocks } = quantiseBlocks(data, rows, columns, Q8);
      const bytes = turned(codes, new Int8Array(codes.length), rows, columns);
      return {
        weight: new Uint32Array(bytes.buffer),
        scales: turned(scales, new Float32Array(scales.length), rows, blocks),
      };
    },
  },
  q4: {
    code: q4,
    constants: { BLOCK: Q4.block },
    scaled: true,
    encode: (data, rows, columns) => {
      const { codes, scales, blocks } = quantiseBlocks(data, rows, columns, Q4);
      const bytes = new Uint8Array(codes.length / 2);
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < columns; k += 2) {
          const at = row * columns + k;
          bytes[(k / 2) * rows + row] = (codes[at] & 15) | ((codes[at + 1] & 15) << 4);
        }
      }
      return {
        weight: new Uint32Array(bytes.buffer),
        scales: turned(scales, new Float32Array(scales.length), rows, blocks),
      };
    },
  },
};

/** Rows and columns of a square that fits into the nearest caches while it is turned. */
const SQUARE = 32;

/** The transpose of `[rows, columns]`. */
function turned<A extends Float32Array | Int8Array>(data: A, target: A, rows: number, columns: number): A {
  for (let row0 = 0; row0 < rows; row0 += SQUARE) {
    const rowEnd = Math.min(row0 + SQUARE, rows);
    for (let column0 = 0; column0 < columns; column0 += SQUARE) {
      const columnEnd = Math.min(column0 + SQUARE, columns);
      for (let row = row0; row < rowEnd; row++) {
        for (let column = column0; column < columnEnd; column++) {
          target[column * rows + row] = data[row * columns + column];
        }
      }
    }
  }
  return target;
}
