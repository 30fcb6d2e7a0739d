import type { CodeLayout } from '../vectors/code-layout.ts';
import { codeStep, INT4_ZERO } from '../vectors/quantise.ts';

/** Largest whole number of a query. */
const MOST = 127;

/** A query in whole numbers of 8 bits: q ≈ whole · scale. */
export interface WholeQuery {
  /** `[planes · planeDimensions]`, zero behind the last dimension. */
  readonly codes: Int8Array;
  readonly scale: number;
  /** Sum of the codes. */
  readonly sum: number;
}

/** Rounds a query to whole numbers. @param planes - how many of the layout's planes take part. */
export function wholeQuery(vector: Float32Array, layout: CodeLayout, planes: number): WholeQuery {
  const codes = new Int8Array(planes * layout.planeDimensions);
  const dimensions = Math.min(layout.dimensions, codes.length);
  const largest = vector.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  let sum = 0;
  for (let i = 0; i < dimensions; i++) {
    codes[i] = Math.round((vector[i] / largest) * MOST);
    sum += codes[i];
  }
  return { codes, scale: largest / MOST, sum };
}

/** How whole numbers become scores: score = (whole − zero) · scale. */
export interface ScoreScale {
  readonly scale: number;
  readonly zero: number;
}

/** What the whole numbers of a scan with this query mean. */
export function scoreScale(layout: CodeLayout, range: number, query: WholeQuery): ScoreScale {
  if (layout.kind === 'binary') return { scale: 1 / layout.dimensions, zero: 0 };
  const zero = layout.kind === 'int4' ? INT4_ZERO * query.sum : 0;
  return { scale: codeStep(layout, range) * query.scale, zero };
}
