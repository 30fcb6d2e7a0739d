import { describe, expect, it } from 'vitest';
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

  it('has codes that mean what the format says, of unit length', () => {
    const range = 0.25;
    const int8 = documents.coded('int8', range).all;
    const int4 = documents.coded('int4', range).all;
    const binary = documents.coded('binary', 1).all;
    const meant = (code: (x: number) => number) => {
      const numbers = Array.from(documents.all, code);
      return numbers.map((value, i) => {
        const start = i - (i % 70);
        return value / Math.hypot(...numbers.slice(start, start + 70));
      });
    };
    const code8 = meant((x) => Math.min(127, Math.max(-127, Math.round((x * 127) / range))));
    const code4 = meant((x) => Math.min(15, Math.max(0, Math.round((x * 7.5) / range + 7.5))) - 7.5);
    for (const [i, x] of documents.all.entries()) {
      expect(int8[i]).toBeCloseTo(code8[i], 6);
      expect(int4[i]).toBeCloseTo(code4[i], 6);
      expect(binary[i]).toBeCloseTo((x > 0 ? 1 : -1) / Math.sqrt(70), 6);
    }
  });
});

describe('rankByVectors', () => {
  it('ranks all documents by the dot product', () => {
    const { rankings, range } = rankByVectors(queries, documents, { codes: 'float32', depth: 10, order });
    expect(range).toBeUndefined();
    for (const [i, { rows, scores }] of rankings.entries()) {
      const all = ids.map((_, at) => dot(row(queries, i), row(documents, at)));
      const expected = [...all.keys()].sort((a, b) => all[b] - all[a]).slice(0, 10);
      expect([...rows]).toEqual(expected);
      expect(scores[0]).toBeCloseTo(all[expected[0]], 12);
    }
  });

  it('keeps nearly the same documents with finer codes, and fewer with coarser ones', () => {
    const kept = (codes: 'int8' | 'int4' | 'binary' | 'binary+int8') => {
      const exact = rankByVectors(queries, documents, { codes: 'float32', depth: 10, order }).rankings;
      const coded = rankByVectors(queries, documents, { codes, depth: 10, order });
      const same = coded.rankings.map(
        ({ rows }, i) => rows.filter((at) => exact[i].rows.includes(at)).length,
      );
      return same.reduce((a, b) => a + b) / (10 * same.length);
    };
    expect(kept('int8')).toBeGreaterThan(0.95);
    expect(kept('int4')).toBeGreaterThan(kept('binary'));
    expect(kept('binary')).toBeGreaterThan(0.3);
  });

  it('lets int8 decide among those that bits propose', () => {
    const options = { codes: 'binary+int8', depth: 50, order } as const;
    const { rankings, range } = rankByVectors(queries, documents, options);
    const int8 = documents.coded('int8', range!);
    for (const [i, { rows, scores }] of rankings.entries()) {
      expect(rows.length).toBe(50);
      for (const [at, found] of rows.entries()) {
        expect(scores[at]).toBeCloseTo(dot(row(queries, i), row(int8, found)), 12);
      }
      expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
    }
  });
});
