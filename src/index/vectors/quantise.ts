import type { CodeLayout } from './code-layout.ts';

/** Memory that holds codes: views of the same bytes. */
export interface CodeMemory {
  readonly bytes: Uint8Array;
  readonly int8s: Int8Array;
  readonly floats: Float32Array;
}

/** Largest code of int8. */
const MOST_INT8 = 127;
/** Half of the largest code of int4: where zero would be. */
export const INT4_ZERO = 7.5;

/** What one step of a code is worth: a code of int8, or of int4 less 7.5, times it is the number. */
export function codeStep({ kind, dimensions }: CodeLayout, range: number): number {
  if (kind === 'int8') return range / MOST_INT8;
  if (kind === 'int4') return range / INT4_ZERO;
  return kind === 'binary' ? 1 / Math.sqrt(dimensions) : 1;
}

/**
 * Writes the codes of a vector of unit length.
 *
 * @param vectors - `[…, dimensions]`, of which the one that begins at `from` is meant.
 * @param at - address of its codes in the first plane, a multiple of 16.
 * @param planeStep - bytes from one plane to the next.
 */
export function quantise(
  layout: CodeLayout,
  range: number,
  vectors: Float32Array,
  from: number,
  memory: CodeMemory,
  at: number,
  planeStep: number,
): void {
  if (layout.kind === 'float32') writeFloats(layout, vectors, from, memory.floats, at >>> 2);
  else if (layout.kind === 'binary') writeSigns(layout, vectors, from, memory.bytes, at);
  else if (layout.kind === 'int8') writeInt8(layout, range, vectors, from, memory.int8s, at, planeStep);
  else writeInt4(layout, range, vectors, from, memory.bytes, at, planeStep);
}

function writeFloats(
  layout: CodeLayout,
  vectors: Float32Array,
  from: number,
  floats: Float32Array,
  at: number,
): void {
  const { dimensions, planeBytes } = layout;
  for (let i = 0; i < dimensions; i++) floats[at + i] = vectors[from + i];
  floats.fill(0, at + dimensions, at + planeBytes / 4);
}

function writeSigns(
  layout: CodeLayout,
  vectors: Float32Array,
  from: number,
  bytes: Uint8Array,
  at: number,
): void {
  const { dimensions, planeBytes } = layout;
  for (let i = 0; i < planeBytes; i++) {
    const end = Math.min(8, dimensions - 8 * i);
    let byte = 0;
    for (let bit = 0; bit < end; bit++) if (vectors[from + 8 * i + bit] > 0) byte |= 1 << bit;
    bytes[at + i] = byte;
  }
}

function writeInt8(
  layout: CodeLayout,
  range: number,
  vectors: Float32Array,
  from: number,
  codes: Int8Array,
  at: number,
  planeStep: number,
): void {
  const { dimensions, planes, planeBytes } = layout;
  const steps = MOST_INT8 / range;
  for (let plane = 0; plane < planes; plane++) {
    const start = from + plane * planeBytes;
    const to = at + plane * planeStep;
    const end = Math.min(planeBytes, dimensions - plane * planeBytes);
    for (let i = 0; i < end; i++) {
      const code = vectors[start + i] * steps;
      codes[to + i] = code > MOST_INT8 ? MOST_INT8 : code < -MOST_INT8 ? -MOST_INT8 : rounded(code);
    }
    codes.fill(0, to + end, to + planeBytes);
  }
}

function writeInt4(
  layout: CodeLayout,
  range: number,
  vectors: Float32Array,
  from: number,
  codes: Uint8Array,
  at: number,
  planeStep: number,
): void {
  const { dimensions, planes, planeBytes } = layout;
  const steps = INT4_ZERO / range;
  for (let plane = 0; plane < planes; plane++) {
    const dimension = plane * 2 * planeBytes;
    const to = at + plane * planeStep;
    for (let i = 0; i < planeBytes; i++) {
      const low = dimension + i;
      const high = low + planeBytes;
      const first = low < dimensions ? int4Code(vectors[from + low] * steps) : 0;
      codes[to + i] = high < dimensions ? first | (int4Code(vectors[from + high] * steps) << 4) : first;
    }
  }
}

function int4Code(steps: number): number {
  const code = steps + INT4_ZERO;
  return code < 0 ? 0 : code > 15 ? 15 : rounded(code);
}

/** `Math.round` of numbers above −128, in a third of the time. */
function rounded(x: number): number {
  return ((x + 128.5) | 0) - 128;
}

/**
 * Reads the numbers that a row's codes mean.
 *
 * @param values - `[dimensions]`, written.
 */
export function dequantise(
  layout: CodeLayout,
  range: number,
  memory: CodeMemory,
  at: number,
  planeStep: number,
  values: Float32Array,
): void {
  const { kind, dimensions, planeDimensions } = layout;
  const step = codeStep(layout, range);
  for (let i = 0; i < dimensions; i++) {
    const plane = Math.floor(i / planeDimensions);
    const place = at + plane * planeStep;
    const within = i - plane * planeDimensions;
    if (kind === 'float32') values[i] = memory.floats[(place >>> 2) + within];
    else if (kind === 'int8') values[i] = memory.int8s[place + within] * step;
    else if (kind === 'int4') values[i] = (nibble(memory.bytes, place, within) - INT4_ZERO) * step;
    else values[i] = (memory.bytes[place + (within >> 3)] >> (within & 7)) & 1 ? step : -step;
  }
}

function nibble(bytes: Uint8Array, place: number, within: number): number {
  return within < 64 ? bytes[place + within] & 15 : bytes[place + within - 64] >> 4;
}
