import { SternaError } from '../../errors.ts';
import { scoreScale, wholeQuery } from '../scan/query-codes.ts';
import type { CodeLayout } from '../vectors/code-layout.ts';

/** Largest magnitude of a code of each kind, −128 included, which no writer writes. */
const MOST_CODE = { int8: 128, int4: 15 } as const;

/** A query as the scan of a kind of codes reads it, and the way back from its keys to scores. */
export interface QueryCodes {
  /** `[queryVectors, 4]` words. */
  readonly words: Uint32Array<ArrayBuffer>;
  /** Bits of the largest key that there can be. */
  readonly keyBits: number;
  /** The score of a row by its key. */
  score(key: number): number;
}

/**
 * Makes a query ready for a scan of the first planes.
 *
 * Codes are multiplied by the query in whole numbers of 8 bits, so that the sum is exact in any order: a key is 1 + bias + sum, with
 * a bias by which no key is less than 1.
 *
 * @param vector - `[dimensions]`.
 * @throws SternaError `invalid-vector`.
 */
export function queryCodes(
  layout: CodeLayout,
  range: number,
  vector: Float32Array,
  planes: number,
): QueryCodes {
  checkVector(vector, layout.dimensions);
  const { kind } = layout;
  if (kind !== 'int8' && kind !== 'int4') return floatQuery(layout, vector);
  const whole = wholeQuery(vector, layout, planes);
  const bias = MOST_CODE[kind] * whole.codes.reduce((sum, code) => sum + Math.abs(code), 0);
  // The first word is the bias; three more are left free.
  const words = new Uint32Array(4 + whole.codes.length / 4);
  words[0] = bias;
  new Int8Array(words.buffer, 16).set(whole.codes);
  const { scale, zero } = scoreScale(layout, range, whole);
  return { words, keyBits: bitsOf(2 * bias + 1), score: (key) => (key - 1 - bias - zero) * scale };
}

/** Bits that numbers up to `most` have. */
export function bitsOf(most: number): number {
  return Math.max(32 - Math.clz32(most), 1);
}

function floatQuery({ planeBytes }: CodeLayout, vector: Float32Array): QueryCodes {
  const words = new Uint32Array(planeBytes / 4);
  new Float32Array(words.buffer).set(vector);
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const score = (key: number) => {
    bits[0] = key >= 0x80000000 ? key - 0x80000000 : ~key;
    return float[0];
  };
  return { words, keyBits: 32, score };
}

function checkVector(vector: Float32Array, dimensions: number): void {
  if (vector.length !== dimensions) {
    throw new SternaError(
      'invalid-vector',
      `The query has ${vector.length} dimensions and the columns have ${dimensions}. Embed it as they were.`,
    );
  }
  let isZero = true;
  for (let i = 0; i < dimensions; i++) {
    if (!Number.isFinite(vector[i])) {
      throw new SternaError(
        'invalid-vector',
        `The query holds ${vector[i]} at ${i}; needed: finite numbers.`,
      );
    }
    if (vector[i] !== 0) isZero = false;
  }
  if (isZero) throw new SternaError('invalid-vector', 'The query is all zeros and has no direction.');
}
