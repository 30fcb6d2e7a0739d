import { describe, expect, it } from 'vitest';
import { Scanner } from '../index/scan/scanner.ts';
import { tieOrder } from './ranking.ts';
import { rankByVectors, VectorTable } from './vector-leg.ts';

/** Vectors of unit length that are always the same. */
function randomTable(count: number, dimensions: number, seed: number): VectorTable {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const table = new VectorTable(dimensions);
  for (let row = 0; row < count; row++) table.push(Float32Array.from({ length: dimensions }, random));
  return table.cut(dimensions);
}

const row = (table: VectorTable, at: number) =>
  table.all.subarray(at * table.dimensions, (at + 1) * table.dimensions);

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

const ids = Array.from({ length: 300 }, (_, i) => `d${i}`);
const order = tieOrder(ids);
const documents = randomTable(300, 70, 1);
const queries = randomTable(20, 70, 2);

describe('VectorTable', () => {
  it('cuts first and scales then', () => {
    const table = new VectorTable(3);
    table.push(Float32Array.of(3, 4, 12));
    table.push(Float32Array.of(0, 0, 1));
    expect([...table.cut(2).all]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 0]);
  });

  it('grows', () => {
    expect(row(randomTable(3000, 2, 3), 2999)).toEqual(row(randomTable(3000, 2, 3), 2999));
    expect(randomTable(3000, 2, 3).count).toBe(3000);
  });
});

describe('rankByVectors', () => {
  it('ranks all documents by the dot product', () => {
    const rankings = rankByVectors(queries, documents, { codes: 'float32', depth: 10, order });
    for (const [i, { rows, scores }] of rankings.entries()) {
      const all = ids.map((_, at) => dot(row(queries, i), row(documents, at)));
      const expected = [...all.keys()].sort((a, b) => all[b] - all[a]).slice(0, 10);
      expect([...rows]).toEqual(expected);
      expect(scores[0]).toBeCloseTo(all[expected[0]], 12);
    }
  });

  it('keeps nearly the same documents with finer codes, and fewer with coarser ones', () => {
    const kept = (codes: 'int8' | 'int4' | 'binary' | 'binary+int8') => {
      const exact = rankByVectors(queries, documents, { codes: 'float32', depth: 10, order });
      const coded = rankByVectors(queries, documents, { codes, depth: 10, order });
      const same = coded.map(({ rows }, i) => rows.filter((at) => exact[i].rows.includes(at)).length);
      return same.reduce((a, b) => a + b) / (10 * same.length);
    };
    expect(kept('int8')).toBeGreaterThan(0.95);
    expect(kept('int4')).toBeGreaterThan(kept('binary'));
    expect(kept('binary')).toBeGreaterThan(0.3);
  });

  it('scores by the cosine of the query and what codes mean', () => {
    for (const codes of ['int8', 'int4'] as const) {
      const column = documents.coded(Scanner.alone(), codes);
      for (const [i, { rows, scores }] of rankByVectors(queries, documents, {
        codes,
        depth: 50,
        order,
      }).entries()) {
        expect(rows.length).toBe(50);
        for (const [at, found] of rows.entries()) {
          const numbers = column.row(found);
          expect(scores[at]).toBeCloseTo(dot(row(queries, i), numbers) / Math.hypot(...numbers), 5);
        }
        expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
      }
    }
  });

  it('lets int8 decide among those that bits propose', () => {
    const int8 = rankByVectors(queries, documents, { codes: 'int8', depth: 300, order });
    const both = rankByVectors(queries, documents, { codes: 'binary+int8', depth: 50, order });
    const bits = rankByVectors(queries, documents, { codes: 'binary', depth: 50, order });
    for (const [i, { rows }] of both.entries()) {
      const place = new Map(Array.from(int8[i].rows, (found, at) => [found, at]));
      const places = Array.from(rows, (found) => place.get(found)!);
      expect(places).toEqual([...places].sort((a, b) => a - b));
      const shared = Array.from(rows).filter((found) => bits[i].rows.includes(found)).length;
      expect(shared).toBeGreaterThan(40);
      expect(rows).toHaveLength(50);
    }
  });
});
