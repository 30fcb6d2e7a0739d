import type { CodeLayout } from '../vectors/code-layout.ts';
import { codeStep } from '../vectors/quantise.ts';
import { rotationOf } from '../vectors/rotation.ts';

/** Largest whole number of a query. */
const MOST = 127;
/** That of one that is compared with bits: 4 bits with a sign, each of which costs a pass over the codes. */
const MOST_OF_BITS = 7;

/** What codes are, and what they are relative to. */
export interface CodeMeaning {
  readonly layout: CodeLayout;
  readonly mean: Float32Array;
}

/**
 * A query in whole numbers, and how what a scan makes of it becomes a score: score = offset + scale · (whole · f − less · g), where f and g
 * are the row's factors, and whole is the sum of codes · row (of int4: of codes · (2 · row − 15), of bits: of codes · ±1).
 */
export interface WholeQuery {
  /** `[planes · planeDimensions]`, zero behind the last dimension: of 8 bits, or of 4 for a row of bits. */
  readonly codes: Int8Array;
  /** Sum of the codes. */
  readonly sum: number;
  /** What second factors are multiplied by, a float32; 0 where there are none. */
  readonly less: number;
  readonly scale: number;
  readonly offset: number;
}

/**
 * Rounds a query of unit length to whole numbers.
 *
 * @param planes - how many of the layout's planes take part. What the others would add on average is in the offset.
 */
export function wholeQuery(vector: Float32Array, meaning: CodeMeaning, planes: number): WholeQuery {
  const { layout, mean } = meaning;
  const { kind } = layout;
  if (kind === 'float32') return { codes: new Int8Array(0), sum: 0, less: 0, scale: 1, offset: 0 };
  const isBinary = kind === 'binary';
  const values = rotationOf(layout.dimensions).apply(isBinary ? vector.map((x, i) => x - mean[i]) : vector);
  const offset = dot(vector, mean);
  const { codes, sum, step } = rounded(
    values,
    planes * layout.planeDimensions,
    isBinary ? MOST_OF_BITS : MOST,
  );
  // Codes of int4 are doubled, so that what they are relative to is a whole number.
  const scale = step * codeStep(layout) * (kind === 'int4' ? 0.5 : 1);
  if (!isBinary) return { codes, sum, less: 0, scale, offset };
  return { codes, sum, less: Math.fround(1 / scale), scale, offset: offset + (1 - dot(mean, mean)) / 2 };
}

function rounded(values: Float64Array, length: number, most: number) {
  const codes = new Int8Array(length);
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const step = largest > 0 ? largest / most : 1;
  let sum = 0;
  for (let i = 0; i < Math.min(values.length, length); i++) {
    codes[i] = Math.round(values[i] / step);
    sum += codes[i];
  }
  return { codes, sum, step };
}

/** In float64. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The score of what a scan made of a row: whole · f − less · g. */
export function scoreOf({ scale, offset }: WholeQuery, value: number): number {
  return offset + scale * value;
}
