import type { CodeLayout } from './code-layout.ts';
import { BLOCK, type Rotation, rotationOf } from './rotation.ts';
import { factorAbove, factorOf, nearestFactor } from './row-factor.ts';

/** Memory that holds codes: views of the same bytes. */
export interface CodeMemory {
  readonly bytes: Uint8Array;
  readonly int8s: Int8Array;
  readonly floats: Float32Array;
}

/** Where the codes of a row lie. */
export interface RowPlace {
  /** Address of its codes in the first plane, a multiple of 16. */
  at: number;
  /** Bytes from one plane to the next. */
  planeStep: number;
  /** Address of its first factor. */
  factorAt: number;
  /** Bytes from one factor to the next. */
  factorStep: number;
}

/** Largest code of int8. */
const MOST_INT8 = 127;
/** Half of the largest code of int4: where zero would be. */
export const INT4_ZERO = 7.5;
/**
 * Where int4 cuts numbers off, in standard deviations: 15 steps over more would be so wide that all others lose more than the few beyond it
 * (the least squared error for a normal distribution is at 2.5).
 */
const INT4_DEVIATIONS = 2.5;

/** What a step of a code is worth for a row whose factor is 1. */
export function codeStep({ kind, dimensions }: CodeLayout): number {
  if (kind === 'int8') return 1 / MOST_INT8;
  if (kind === 'int4') return 1 / INT4_ZERO;
  return kind === 'binary' ? 1 / Math.sqrt(Math.min(dimensions, BLOCK)) : 1;
}

/**
 * Writes vectors as codes, and reads what codes mean: r = the {@link Rotation} of x − mean.
 *
 * Bits keep the signs of r, and two factors what signs do not: f = √min(dimensions, 256) · |r|² / Σ|rᵢ|, by which the signs' product with a query is an
 * estimate of r's without bias (Gao and Long, RaBitQ, 2024), and g = |r|² / 2, which stands for mean · r, as x has unit length:
 * mean · r = (1 − |mean|²) / 2 − g.
 */
export class Quantiser {
  private readonly rotation: Rotation;
  /** A row less the mean, turned. */
  private readonly row: Float64Array;

  constructor(
    private readonly layout: CodeLayout,
    private readonly mean: Float32Array,
  ) {
    this.rotation = rotationOf(layout.dimensions);
    this.row = new Float64Array(layout.dimensions);
  }

  /** Writes the codes of a vector of unit length. @param vectors - `[…, dimensions]`, of which the one that begins at `from` is meant. */
  write(vectors: Float32Array, from: number, memory: CodeMemory, place: RowPlace): void {
    const { kind } = this.layout;
    if (kind === 'float32') this.writeFloats(vectors, from, memory.floats, place.at >>> 2);
    else if (kind === 'binary') this.writeSigns(vectors, from, memory.bytes, place);
    else if (kind === 'int8') this.writeInt8(vectors, from, memory, place);
    else this.writeInt4(vectors, from, memory.bytes, place);
  }

  /** Reads the numbers that a row's codes mean. @param values - `[dimensions]`, written. */
  read(memory: CodeMemory, place: RowPlace, values: Float32Array): void {
    const { layout, mean, row } = this;
    const { kind, dimensions, planeDimensions } = layout;
    if (kind === 'float32') {
      for (let i = 0; i < dimensions; i++) values[i] = memory.floats[(place.at >>> 2) + i];
      return;
    }
    const step = rowStep(layout, memory, place);
    for (let i = 0; i < dimensions; i++) {
      const plane = Math.floor(i / planeDimensions);
      const at = place.at + plane * place.planeStep;
      const within = i - plane * planeDimensions;
      if (kind === 'int8') row[i] = memory.int8s[at + within] * step;
      else if (kind === 'int4') row[i] = (nibble(memory.bytes, at, within) - INT4_ZERO) * step;
      else row[i] = (memory.bytes[at + (within >> 3)] >> (within & 7)) & 1 ? step : -step;
    }
    this.rotation.undo(row);
    for (let i = 0; i < dimensions; i++) values[i] = mean[i] + row[i];
  }

  private writeFloats(vectors: Float32Array, from: number, floats: Float32Array, at: number): void {
    const { dimensions, planeBytes } = this.layout;
    for (let i = 0; i < dimensions; i++) floats[at + i] = vectors[from + i];
    floats.fill(0, at + dimensions, at + planeBytes / 4);
  }

  private writeSigns(vectors: Float32Array, from: number, bytes: Uint8Array, place: RowPlace): void {
    const { layout } = this;
    const { dimensions, planeBytes } = layout;
    const { row } = this;
    this.takeRow(vectors, from);
    const squares = this.squares();
    let sizes = 0;
    for (let i = 0; i < planeBytes; i++) {
      const end = Math.min(8, dimensions - 8 * i);
      let byte = 0;
      for (let bit = 0; bit < end; bit++) {
        const r = row[8 * i + bit];
        if (r > 0) byte |= 1 << bit;
        sizes += Math.abs(r);
      }
      bytes[place.at + i] = byte;
    }
    bytes[place.factorAt] = nearestFactor(sizes > 0 ? squares / sizes / codeStep(layout) : 0);
    bytes[place.factorAt + place.factorStep] = nearestFactor(squares / 2);
  }

  private writeInt8(
    vectors: Float32Array,
    from: number,
    { bytes, int8s }: CodeMemory,
    place: RowPlace,
  ): void {
    const { dimensions, planes, planeBytes } = this.layout;
    const { row } = this;
    this.takeRow(vectors, from);
    const largest = this.largest();
    const factor = factorAbove(largest);
    bytes[place.factorAt] = factor;
    const steps = MOST_INT8 / factorOf(factor);
    const isCut = largest > factorOf(factor);
    for (let plane = 0; plane < planes; plane++) {
      const start = plane * planeBytes;
      const to = place.at + plane * place.planeStep;
      const end = Math.min(planeBytes, dimensions - start);
      // The factor is not below the largest of them, unless that exceeds all factors.
      if (isCut) for (let i = 0; i < end; i++) int8s[to + i] = rounded(clamped(row[start + i] * steps));
      else for (let i = 0; i < end; i++) int8s[to + i] = rounded(row[start + i] * steps);
      if (end < planeBytes) int8s.fill(0, to + end, to + planeBytes);
    }
  }

  private writeInt4(vectors: Float32Array, from: number, bytes: Uint8Array, place: RowPlace): void {
    const { dimensions, planes, planeBytes } = this.layout;
    const { row } = this;
    this.takeRow(vectors, from);
    const deviation = Math.sqrt(this.squares() / dimensions);
    const factor = factorAbove(Math.min(this.largest(), INT4_DEVIATIONS * deviation));
    bytes[place.factorAt] = factor;
    const steps = INT4_ZERO / factorOf(factor);
    for (let plane = 0; plane < planes; plane++) {
      const dimension = plane * 2 * planeBytes;
      const to = place.at + plane * place.planeStep;
      for (let i = 0; i < planeBytes; i++) {
        const low = dimension + i;
        const high = low + planeBytes;
        const first = low < dimensions ? int4Code(row[low] * steps) : 0;
        bytes[to + i] = high < dimensions ? first | (int4Code(row[high] * steps) << 4) : first;
      }
    }
  }

  /** Brings a vector less the mean, turned, to `row`. */
  private takeRow(vectors: Float32Array, from: number): void {
    this.rotation.applyToRest(vectors, from, this.mean, this.row);
  }

  /** Size of the largest number of the row. */
  private largest(): number {
    const { row } = this;
    let largest = 0;
    for (let i = 0; i < row.length; i++) {
      const size = Math.abs(row[i]);
      if (size > largest) largest = size;
    }
    return largest;
  }

  /** Square of the row's length. Two sums, so that they do not wait for each other. */
  private squares(): number {
    const { row } = this;
    let even = 0;
    let odd = 0;
    const last = row.length - 1;
    for (let i = 0; i < last; i += 2) {
      even += row[i] * row[i];
      odd += row[i + 1] * row[i + 1];
    }
    return row.length % 2 === 0 ? even + odd : even + odd + row[last] * row[last];
  }
}

/** What a step of a row's codes is worth; for bits, the size of the numbers of least squared error. */
export function rowStep(layout: CodeLayout, { bytes }: CodeMemory, place: RowPlace): number {
  const factor = factorOf(bytes[place.factorAt]);
  if (layout.kind !== 'binary') return factor * codeStep(layout);
  const halfSquares = factorOf(bytes[place.factorAt + place.factorStep]);
  return (2 * halfSquares * codeStep(layout)) / factor;
}

function int4Code(steps: number): number {
  const code = steps + INT4_ZERO;
  return code < 0 ? 0 : code > 15 ? 15 : rounded(code);
}

function clamped(code: number): number {
  return Math.max(-MOST_INT8, Math.min(MOST_INT8, code));
}

/** `Math.round` of numbers above −128, in a third of the time. */
function rounded(x: number): number {
  return ((x + 128.5) | 0) - 128;
}

function nibble(bytes: Uint8Array, at: number, within: number): number {
  return within < 64 ? bytes[at + within] & 15 : bytes[at + within - 64] >> 4;
}
