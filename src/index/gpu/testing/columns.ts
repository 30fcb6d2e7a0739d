import { Rotation } from '../../vectors/rotation.ts';
import type { CodeBlock, CodeColumn } from '../gpu-column.ts';
import type { ScannedKind } from '../programs.ts';

/** A column with random codes, and the same codes one by one. */
export interface TestColumn extends CodeColumn {
  readonly kind: ScannedKind;
  readonly rows: number;
  /** `[rows, dimensions]`: bytes from −127, nibbles from 0, or floats. */
  readonly codes: readonly (readonly number[])[];
  /** `[rows]` */
  readonly factors: readonly number[];
}

/** How to make a {@link TestColumn}. */
export interface TestColumnOptions {
  readonly kind: ScannedKind;
  readonly dimensions: number;
  readonly rows: number;
  /** Columns of other slants have other means. Default: 1. */
  readonly slant?: number;
  /** Code of a row and dimension. Default: random. */
  readonly code?: (row: number, dimension: number) => number;
  /** Rows that the last block has room for. Default: as many as it has. */
  readonly lastStride?: number;
}

/** Codes written code by code, as the layout is described in words. */
export function testColumn(options: TestColumnOptions, random: () => number): TestColumn {
  const { kind, dimensions, rows, slant = 1, lastStride } = options;
  const any = {
    // With queries of 7 bits, sums of up to 512 products are exact in float32, in any order.
    float32: () => Math.round((random() - 0.5) * 256) / 256,
    int8: () => Math.floor(random() * 255) - 127,
    int4: () => Math.floor(random() * 16),
  }[kind];
  const { code = any } = options;
  const codes = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: dimensions }, (_, dimension) => code(row, dimension)),
  );
  const bytes = Array.from({ length: rows }, () => Math.floor(random() * 64) + 32);
  const factors = bytes.map((byte) => 2 ** ((byte >> 5) - 6) * (1 + (byte & 31) / 32));
  const mean = Float32Array.from({ length: dimensions }, (_, i) => 0.05 * Math.sin(slant * i));
  const blocks: CodeBlock[] = [];
  for (let first = 0; first < rows; first += 1024) {
    const some = codes.slice(first, first + 1024);
    const isLast = first + 1024 >= rows;
    const stride = isLast ? (lastStride ?? some.length) : 1024;
    blocks.push(writeBlock(kind, dimensions, some, bytes.slice(first, first + 1024), stride));
  }
  return { kind, dimensions, mean, blocks, rows, codes, factors };
}

function writeBlock(
  kind: ScannedKind,
  dimensions: number,
  codes: readonly (readonly number[])[],
  factors: readonly number[],
  stride: number,
): CodeBlock {
  const perPlane = { float32: dimensions, int8: 64, int4: 128 }[kind];
  const planeBytes = kind === 'float32' ? Math.ceil(dimensions / 4) * 16 : 64;
  const ofPlanes = Math.ceil(dimensions / perPlane) * stride * planeBytes;
  const bytes = new Uint8Array(ofPlanes + (kind === 'float32' ? 0 : stride));
  if (kind !== 'float32') bytes.set(factors, ofPlanes);
  const view = new DataView(bytes.buffer);
  // What lies in the room for more rows counts for nothing.
  for (let end = stride * planeBytes; end <= ofPlanes; end += stride * planeBytes) {
    bytes.fill(0x3f, end - (stride - codes.length) * planeBytes, end);
  }
  for (const [row, numbers] of codes.entries()) {
    for (const [i, number] of numbers.entries()) {
      const plane = Math.floor(i / perPlane);
      const within = i % perPlane;
      const at = plane * stride * planeBytes + row * planeBytes;
      if (kind === 'float32') view.setFloat32(at + 4 * within, number, true);
      else if (kind === 'int8') view.setInt8(at + within, number);
      else if (within < 64) bytes[at + within] |= number;
      else bytes[at + within - 64] |= number << 4;
    }
  }
  return { bytes, rows: codes.length, stride };
}

/** A row and its score. */
export interface Expected {
  readonly column: number;
  readonly row: number;
  /** By which rows are ordered. */
  readonly order: number;
  readonly score: number;
}

/** All rows that take part, best first, by loops over numbers; rows of all columns have to compare. */
export function expectedOrder(
  columns: readonly { column: TestColumn; mask?: Uint32Array }[],
  vector: Float32Array,
  planes = Number.POSITIVE_INFINITY,
): Expected[] {
  const found: Expected[] = [];
  for (const [i, { column, mask }] of columns.entries()) {
    const { kind, mean, dimensions, factors } = column;
    const turned = new Rotation(dimensions).apply(vector);
    const largest = Math.max(...Array.from(turned, Math.abs));
    const ofMean = vector.reduce((sum, x, d) => sum + x * mean[d], 0);
    const used =
      kind === 'float32' ? dimensions : Math.min(dimensions, planes * (kind === 'int8' ? 64 : 128));
    const step = { float32: 1, int8: 1 / 127, int4: 1 / 15 }[kind];
    for (const [row, codes] of column.codes.entries()) {
      if (mask && ((mask[row >> 5] >> (row & 31)) & 1) === 0) continue;
      let whole = 0;
      for (let d = 0; d < used; d++) {
        const q = kind === 'float32' ? vector[d] : Math.round(turned[d] / (largest / 127));
        whole += q * (kind === 'int4' ? 2 * codes[d] - 15 : codes[d]);
      }
      const order = kind === 'float32' ? whole : Math.fround(Math.fround(whole) * factors[row]);
      const score = kind === 'float32' ? order : ofMean + order * (largest / 127) * step;
      found.push({ column: i, row, order, score });
    }
  }
  return found.sort((a, b) => b.order - a.order || a.column - b.column || a.row - b.row);
}

/** Numbers that come again with a seed, from 0 to 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A random vector of about unit length, in multiples of 1/128. */
export function queryVector(dimensions: number, random: () => number): Float32Array {
  const numbers = Float32Array.from({ length: dimensions }, () => random() + random() - 1);
  const length = Math.hypot(...numbers);
  return numbers.map((number) => Math.round((number / length) * 128) / 128);
}

/** A mask with about one row in `every`. */
export function randomMask(rows: number, every: number, random: () => number): Uint32Array {
  const mask = new Uint32Array(Math.ceil(rows / 32));
  for (let row = 0; row < rows; row++) if (random() * every < 1) mask[row >> 5] |= 1 << (row & 31);
  // What lies beyond the last row is nobody's.
  if (rows & 31) mask[mask.length - 1] |= ~((1 << (rows & 31)) - 1);
  return mask;
}
