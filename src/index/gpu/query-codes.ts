import { SternaError } from '../../errors.ts';
import { type CodeMeaning, scoreOf, wholeQuery } from '../scan/query-codes.ts';
import type { CodeLayout } from '../vectors/code-layout.ts';

/** A query as the scan of a kind of codes reads it, and the way back from its keys to scores. */
export interface QueryCodes {
  /** `[queryVectors, 4]` words. */
  readonly words: Uint32Array<ArrayBuffer>;
  /** The score of a row by its key. */
  score(key: number): number;
}

/** Bits of a key: it is a float32 that compares without a sign. */
export const KEY_BITS = 32;

/**
 * Makes a query ready for a scan of the first planes.
 *
 * Codes are multiplied by the query in whole numbers of 8 bits, so that the sum is exact in any order, and the sum by the row's factor.
 *
 * @param vector - `[dimensions]`.
 * @throws SternaError `invalid-vector`.
 */
export function queryCodes(meaning: CodeMeaning, vector: Float32Array, planes: number): QueryCodes {
  const { layout } = meaning;
  checkVector(vector, layout.dimensions);
  if (layout.kind !== 'int8' && layout.kind !== 'int4') return floatQuery(layout, vector);
  const whole = wholeQuery(vector, meaning, planes);
  // The first word is what the sum begins with; three more are left free.
  const words = new Uint32Array(4 + whole.codes.length / 4);
  words[0] = layout.kind === 'int4' ? -15 * whole.sum : 0;
  new Int8Array(words.buffer, 16).set(whole.codes);
  return { words, score: (key) => scoreOf(whole, floatOf(key)) };
}

function floatQuery({ planeBytes }: CodeLayout, vector: Float32Array): QueryCodes {
  const words = new Uint32Array(planeBytes / 4);
  new Float32Array(words.buffer).set(vector);
  return { words, score: floatOf };
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The float of a key. */
function floatOf(key: number): number {
  bits[0] = key >= 0x80000000 ? key - 0x80000000 : ~key;
  return float[0];
}

/** Bits that numbers up to `most` have. */
export function bitsOf(most: number): number {
  return Math.max(32 - Math.clz32(most), 1);
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
