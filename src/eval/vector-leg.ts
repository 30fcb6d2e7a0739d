import { calibrateRange } from '../index/vectors/calibrate.ts';
import { type CodeKind, codeLayout, rowBytes } from '../index/vectors/code-layout.ts';
import { dequantise, quantise } from '../index/vectors/quantise.ts';
import { BestRows, type Ranking, type TieOrder } from './ranking.ts';

/**
 * Codes that documents are searched by. Queries keep their float32.
 *
 * - `float32`, `int8`, `int4`, `binary`: the exact cosine of the query and what the codes mean, over all documents.
 * - `binary+int8`: the bits of query and document propose as many candidates as rankings are deep, int8 decides.
 */
export type EvalCodes = CodeKind | 'binary+int8';

/** All of them. */
export const EVAL_CODES: readonly EvalCodes[] = ['float32', 'int8', 'int4', 'binary', 'binary+int8'];

/** Rows that the range of codes is chosen on, as an index does with those that it gets first. */
const CALIBRATION_ROWS = 1000;

/** Vectors of one length, one after another in an array that doubles when it is full. */
export class VectorTable {
  count = 0;
  private values = new Float32Array(0);

  constructor(readonly dimensions: number) {}

  /** `[count, dimensions]` */
  get all(): Float32Array {
    return this.values.subarray(0, this.count * this.dimensions);
  }

  push(vector: Float32Array): void {
    const start = this.count++ * this.dimensions;
    if (start + this.dimensions > this.values.length) {
      const larger = new Float32Array(Math.max(1024 * this.dimensions, 2 * this.values.length));
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(vector, start);
  }

  /** A copy with vectors of fewer dimensions: cut first, then scaled to unit length. */
  cut(dimensions: number): VectorTable {
    const table = new VectorTable(dimensions);
    const values = new Float32Array(this.count * dimensions);
    for (let row = 0; row < this.count; row++) {
      const from = row * this.dimensions;
      let squares = 0;
      for (let i = 0; i < dimensions; i++) squares += this.values[from + i] ** 2;
      const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
      for (let i = 0; i < dimensions; i++) values[row * dimensions + i] = this.values[from + i] * scale;
    }
    table.count = this.count;
    table.values = values;
    return table;
  }

  /** A copy with what codes of the vectors mean, of unit length: an index gives cosines. */
  coded(kind: CodeKind, range: number): VectorTable {
    const { dimensions, count } = this;
    const layout = codeLayout(kind, dimensions);
    const bytes = new Uint8Array(rowBytes(layout));
    const { buffer } = bytes;
    const memory = { bytes, int8s: new Int8Array(buffer), floats: new Float32Array(buffer) };
    const table = new VectorTable(dimensions);
    table.values = new Float32Array(count * dimensions);
    table.count = count;
    for (let row = 0; row < count; row++) {
      quantise(layout, range, this.values, row * dimensions, memory, 0, layout.planeBytes);
      const values = table.values.subarray(row * dimensions, (row + 1) * dimensions);
      dequantise(layout, range, memory, 0, layout.planeBytes, values);
      scaleToUnit(values);
    }
    return table;
  }

  /** The range of least squared error for codes of these vectors; nothing for codes that have none. */
  rangeOf(kind: CodeKind): number | undefined {
    if (kind !== 'int8' && kind !== 'int4') return undefined;
    return calibrateRange(
      kind,
      this.values.subarray(0, Math.min(this.count, CALIBRATION_ROWS) * this.dimensions),
    );
  }
}

function scaleToUnit(values: Float32Array): void {
  let squares = 0;
  for (const value of values) squares += value * value;
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  for (let i = 0; i < values.length; i++) values[i] *= scale;
}

/** How to search vectors. */
export interface VectorLegOptions {
  readonly codes: EvalCodes;
  /** Most documents of a ranking. */
  readonly depth: number;
  readonly order: TieOrder;
}

/** Rankings by vectors. */
export interface VectorLeg {
  /** One a query. */
  readonly rankings: readonly Ranking[];
  /** Of int8 or int4. */
  readonly range: number | undefined;
}

/**
 * Ranks all documents for all queries.
 *
 * @param queries - of unit length.
 * @param documents - of unit length and the same dimensions.
 */
export function rankByVectors(
  queries: VectorTable,
  documents: VectorTable,
  { codes, depth, order }: VectorLegOptions,
): VectorLeg {
  if (codes !== 'binary+int8') {
    const range = documents.rangeOf(codes);
    const coded = codes === 'float32' ? documents : documents.coded(codes, range ?? 1);
    return { rankings: scan(queries, coded, depth, order), range };
  }
  const range = documents.rangeOf('int8')!;
  const candidates = scan(queries.coded('binary', 1), documents.coded('binary', 1), depth, order);
  const finer = documents.coded('int8', range);
  const best = new BestRows(depth, order);
  const { dimensions, all } = queries;
  const finest = finer.all;
  const rankings = candidates.map(({ rows }, query) => {
    for (const row of rows) best.add(row, dot(all, query * dimensions, finest, row * dimensions, dimensions));
    return best.take();
  });
  return { rankings, range };
}

/** Queries that are compared with a document while it is in the cache. */
const QUERIES_AT_ONCE = 16;

function scan(queries: VectorTable, documents: VectorTable, depth: number, order: TieOrder): Ranking[] {
  const rankings: Ranking[] = [];
  const { dimensions, all: asked } = queries;
  const searched = documents.all;
  for (let from = 0; from < queries.count; from += QUERIES_AT_ONCE) {
    const count = Math.min(QUERIES_AT_ONCE, queries.count - from);
    const best = Array.from({ length: count }, () => new BestRows(depth, order));
    for (let row = 0; row < documents.count; row++) {
      for (let i = 0; i < count; i++) {
        best[i].add(row, dot(asked, (from + i) * dimensions, searched, row * dimensions, dimensions));
      }
    }
    rankings.push(...best.map((rows) => rows.take()));
  }
  return rankings;
}

/** Dot product of the vectors at two places, in float64. Four sums, so that they do not wait for each other. */
function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, dimensions: number): number {
  let s = 0;
  let t = 0;
  let u = 0;
  let v = 0;
  let i = 0;
  for (; i + 3 < dimensions; i += 4) {
    s += a[atA + i] * b[atB + i];
    t += a[atA + i + 1] * b[atB + i + 1];
    u += a[atA + i + 2] * b[atB + i + 2];
    v += a[atA + i + 3] * b[atB + i + 3];
  }
  for (; i < dimensions; i++) s += a[atA + i] * b[atB + i];
  return s + t + (u + v);
}
