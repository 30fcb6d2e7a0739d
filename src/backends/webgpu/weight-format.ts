import { inBlocks, inFloats, type MatrixData, Q4, Q8 } from '../../encoder/block-codes.ts';
import { transpose } from '../../encoder/transpose.ts';
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
  encode(data: MatrixData, outputs: number, inner: number): EncodedWeight;
}

export const weightFormats: Readonly<Record<Precision, WeightFormat>> = {
  f32: {
    code: f32,
    constants: {},
    scaled: false,
    encode: (data, outputs, inner) => ({
      weight: transpose(inFloats(data), new Float32Array(outputs * inner), outputs, inner),
    }),
  },
  f16: {
    code: f16,
    constants: {},
    scaled: false,
    encode: (data, outputs, inner) => {
      const turnedData = transpose(inFloats(data), new Float32Array(outputs * inner), outputs, inner);
      return { weight: toHalves(turnedData) };
    },
  },
  q8: {
    code: q8,
    constants: { BLOCK: Q8.block },
    scaled: true,
    encode: (data, rows, columns) => {
      const { codes, scales, blocks } = inBlocks(data, rows, columns, Q8);
      const bytes = transpose(codes, new Int8Array(codes.length), rows, columns);
      return {
        weight: new Uint32Array(bytes.buffer),
        scales: transpose(scales, new Float32Array(scales.length), rows, blocks),
      };
    },
  },
  q4: {
    code: q4,
    constants: { BLOCK: Q4.block },
    scaled: true,
    encode: (data, rows, columns) => {
      const { codes, scales, blocks } = inBlocks(data, rows, columns, Q4);
      const bytes = new Uint8Array(codes.length / 2);
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < columns; k += 2) {
          const at = row * columns + k;
          bytes[(k / 2) * rows + row] = (codes[at] & 15) | ((codes[at + 1] & 15) << 4);
        }
      }
      return {
        weight: new Uint32Array(bytes.buffer),
        scales: transpose(scales, new Float32Array(scales.length), rows, blocks),
      };
    },
  },
};
