import type { CodeKind, CodeLayout } from '../vectors/code-layout.ts';

/**
 * How the kernels multiply bytes: plain SIMD, relaxed SIMD by 7 bits of the query at a time, or by all 8, of which the sign
 * bit means a sign on some processors and not on others.
 */
export type Multiplier = 'plain' | 'seven-bits' | 'eight-bits' | 'eight-bits-signed';

/** How rows and queries are compared: the constants of assembly/scan.ts. */
export const FLOATS = 0;
export const HALVES = 1;
export const WHOLE = 2;
export const PLAIN = 3;
export const FOUR_BITS = 4;
export const FOUR_BITS_PLAIN = 5;
export const SIGNS = 6;

/** Bytes of a query before its codes: sums to begin with, and bits of the codes that are turned or what second factors are multiplied by. */
export const QUERY_HEAD = 32;

/** Bits of a query's numbers, where it is compared with bits. */
export const SIGN_SLICES = 4;

/** Finds out what relaxed SIMD makes of the eighth bit. @param probe - see assembly/index.ts. */
export function multiplierOf(
  probe: (code: number, factor: number) => number,
  isRelaxed: boolean,
  eightBits = true,
): Multiplier {
  if (!isRelaxed) return 'plain';
  const product = probe(127, 255);
  if (!eightBits) return 'seven-bits';
  if (product === 4 * 127 * 255) return 'eight-bits';
  return product === 4 * 127 * -1 ? 'eight-bits-signed' : 'seven-bits';
}

/** The kernel for a kind of codes. */
export function dotOf(kind: CodeKind, multiplier: Multiplier): number {
  if (kind === 'float32') return FLOATS;
  if (kind === 'binary') return SIGNS;
  if (kind === 'int4') return multiplier === 'plain' ? FOUR_BITS_PLAIN : FOUR_BITS;
  if (multiplier === 'plain') return PLAIN;
  return multiplier === 'seven-bits' ? HALVES : WHOLE;
}

/** Bytes of a query as the kernel reads it, a multiple of 16. */
export function queryBytes(dot: number, { planeBytes }: CodeLayout, planes: number): number {
  const perByte =
    dot === FLOATS || dot === WHOLE ? 1 : dot === SIGNS ? SIGN_SLICES : dot === FOUR_BITS_PLAIN ? 4 : 2;
  return QUERY_HEAD + perByte * planes * planeBytes;
}
