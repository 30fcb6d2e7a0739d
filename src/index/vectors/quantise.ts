import type { Calibration } from './calibration.ts';
import type { CodeLayout } from './code-layout.ts';
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
const INT4_DEVIATIONS = 2.6;

/** What a step of a code is worth for a row whose factor is 1, in spreads of the dimension. */
export function codeStep({ kind, dimensions }: CodeLayout): number {
  if (kind === 'int8') return 1 / MOST_INT8;
  if (kind === 'int4') return 1 / INT4_ZERO;
  return kind === 'binary' ? 1 / Math.sqrt(dimensions) : 1;
}

/**
 * Writes vectors as codes, and reads what codes mean.
 *
 * Bits keep the signs of r = x − mean, and two factors what signs do not: f = √dimensions · |r|² / Σ|rᵢ|, by which the signs' product with a query is an
 * estimate of r's without bias (Gao and Long, RaBitQ, 2024), and g = |r|² / 2, which stands for mean · r, as x has unit length:
 * mean · r = (1 − |mean|²) / 2 − g.
 */
export class Quantiser {
  private readonly mean: Float32Array;
  private readonly spread: Float32Array;
  private readonly steps: Float32Array;
  /** A row less the mean, in spreads. */
  private readonly row: Float32Array;

  constructor(
    private readonly layout: CodeLayout,
    { mean, spread }: Calibration,
  ) {
    this.mean = mean;
    this.spread = spread;
    this.steps = spread.map((x) => 1 / x);
    this.row = new Float32Array(layout.dimensions);
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
    const { layout, mean, spread } = this;
    const { kind, dimensions, planeDimensions } = layout;
    const step = layout.factors > 0 ? rowStep(layout, memory, place) : 1;
    for (let i = 0; i < dimensions; i++) {
      const plane = Math.floor(i / planeDimensions);
      const at = place.at + plane * place.planeStep;
      const within = i - plane * planeDimensions;
      if (kind === 'float32') values[i] = memory.floats[(at >>> 2) + within];
      else if (kind === 'int8') values[i] = mean[i] + spread[i] * memory.int8s[at + within] * step;
      else if (kind === 'int4')
        values[i] = mean[i] + spread[i] * (nibble(memory.bytes, at, within) - INT4_ZERO) * step;
      else values[i] = mean[i] + ((memory.bytes[at + (within >> 3)] >> (within & 7)) & 1 ? step : -step);
    }
  }

  private writeFloats(vectors: Float32Array, from: number, floats: Float32Array, at: number): void {
    const { dimensions, planeBytes } = this.layout;
    for (let i = 0; i < dimensions; i++) floats[at + i] = vectors[from + i];
    floats.fill(0, at + dimensions, at + planeBytes / 4);
  }

  private writeSigns(vectors: Float32Array, from: number, bytes: Uint8Array, place: RowPlace): void {
    const { layout, mean } = this;
    const { dimensions, planeBytes } = layout;
    let sizes = 0;
    let squares = 0;
    for (let i = 0; i < planeBytes; i++) {
      const end = Math.min(8, dimensions - 8 * i);
      let byte = 0;
      for (let bit = 0; bit < end; bit++) {
        const r = vectors[from + 8 * i + bit] - mean[8 * i + bit];
        if (r > 0) byte |= 1 << bit;
        sizes += Math.abs(r);
        squares += r * r;
      }
      bytes[place.at + i] = byte;
    }
    bytes[place.factorAt] = nearestFactor(sizes > 0 ? (Math.sqrt(dimensions) * squares) / sizes : 0);
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
    const factor = factorAbove(this.takeRow(vectors, from).largest);
    bytes[place.factorAt] = factor;
    const steps = MOST_INT8 / factorOf(factor);
    for (let plane = 0; plane < planes; plane++) {
      const start = plane * planeBytes;
      const to = place.at + plane * place.planeStep;
      const end = Math.min(planeBytes, dimensions - start);
      for (let i = 0; i < end; i++) {
        const code = row[start + i] * steps;
        int8s[to + i] = code > MOST_INT8 ? MOST_INT8 : code < -MOST_INT8 ? -MOST_INT8 : rounded(code);
      }
      int8s.fill(0, to + end, to + planeBytes);
    }
  }

  private writeInt4(vectors: Float32Array, from: number, bytes: Uint8Array, place: RowPlace): void {
    const { dimensions, planes, planeBytes } = this.layout;
    const { row } = this;
    const { largest, squares } = this.takeRow(vectors, from);
    const factor = factorAbove(Math.min(largest, INT4_DEVIATIONS * Math.sqrt(squares / dimensions)));
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

  /** Brings a vector less the mean, in spreads, to `row`. */
  private takeRow(vectors: Float32Array, from: number): { largest: number; squares: number } {
    const { row, mean, steps } = this;
    let largest = 0;
    let squares = 0;
    for (let i = 0; i < row.length; i++) {
      const x = (vectors[from + i] - mean[i]) * steps[i];
      row[i] = x;
      squares += x * x;
      const size = x < 0 ? -x : x;
      if (size > largest) largest = size;
    }
    return { largest, squares };
  }
}

/** What a step of a row's codes is worth, in spreads; for bits, the size of the numbers of least squared error. */
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

/** `Math.round` of numbers above −128, in a third of the time. */
function rounded(x: number): number {
  return ((x + 128.5) | 0) - 128;
}

function nibble(bytes: Uint8Array, at: number, within: number): number {
  return within < 64 ? bytes[at + within] & 15 : bytes[at + within - 64] >> 4;
}
