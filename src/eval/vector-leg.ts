import { Scanner } from '../index/scan/scanner.ts';
import type { CodeKind } from '../index/vectors/code-layout.ts';
import { meanOf } from '../index/vectors/mean.ts';
import { VectorColumn } from '../index/vectors/vector-column.ts';
import { BestRows, type Ranking, type TieOrder } from './ranking.ts';

/**
 * Codes that documents are searched by. Queries keep their float32.
 *
 * - `float32`, `int8`, `int4`, `binary`: cosines of the query and what the codes mean, as an index computes them.
 * - `binary+int8`: bits propose as many candidates as rankings are deep, int8 decides.
 */
export type EvalCodes = CodeKind | 'binary+int8';

/** All of them. */
export const EVAL_CODES: readonly EvalCodes[] = ['float32', 'int8', 'int4', 'binary', 'binary+int8'];

/** Rows whose mean codes are relative to, as those that an index gets first. */
const MEAN_ROWS = 1000;

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

  /** Codes of the vectors, in the memory of a scanner. */
  coded(scanner: Scanner, kind: CodeKind): VectorColumn {
    const { dimensions } = this;
    const sample = this.all.subarray(0, MEAN_ROWS * dimensions);
    const mean = meanOf(sample, dimensions);
    const column = new VectorColumn(scanner.heap, { kind, dimensions, mean });
    column.append(this.all);
    return column;
  }
}

/** How to search vectors. */
export interface VectorLegOptions {
  readonly codes: EvalCodes;
  /** Most documents of a ranking. */
  readonly depth: number;
  readonly order: TieOrder;
}

/** Rows of a scan that are looked at again by the query in floats. */
const OVERSAMPLE = 4;
const MARGIN = 64;

/**
 * Ranks all documents for all queries, one ranking a query.
 *
 * @param queries - of unit length.
 * @param documents - of unit length and the same dimensions.
 */
export function rankByVectors(
  queries: VectorTable,
  documents: VectorTable,
  { codes, depth, order }: VectorLegOptions,
): Ranking[] {
  if (codes === 'float32') return scan(queries, documents, depth, order);
  const scanner = Scanner.alone();
  const isTwofold = codes === 'binary+int8';
  const column = documents.coded(scanner, isTwofold ? 'binary' : codes);
  const finest = isTwofold ? documents.coded(scanner, 'int8') : column;
  // A scan rounds the query, so among all but the few that are asked for there are some that belong to them.
  const candidates = isTwofold ? depth : OVERSAMPLE * depth + MARGIN;
  const best = new BestRows(depth, order);
  return Array.from({ length: queries.count }, (_, query) => {
    const { dimensions, all } = queries;
    const vector = all.slice(query * dimensions, (query + 1) * dimensions);
    const { rows } = scanner.scan([{ column }], { vector, candidates });
    const scores = scanner.rescore(finest, rows, vector);
    for (const [i, row] of rows.entries()) best.add(row, scores[i]);
    return best.take();
  });
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
