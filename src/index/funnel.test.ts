import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FunnelPart, searchFunnel, searchFunnelMany } from './funnel.ts';
import { planFunnel } from './plan-funnel.ts';
import { Scanner } from './scan/scanner.ts';
import { randomVectors } from './testing/vectors.ts';
import type { CodeKind } from './vectors/code-layout.ts';
import { VectorColumn } from './vectors/vector-column.ts';

const scanner = Scanner.alone();

function column(kind: CodeKind, dimensions: number, vectors: Float32Array): VectorColumn {
  const made = new VectorColumn(scanner.heap, { kind, dimensions });
  made.append(vectors);
  return made;
}

/** Ids whose order is not that of rows. */
const idOf = (part: number, row: number) => `${(row * 7919) % 1009}-${part}-${row}`;

/** Scores of all rows by the numbers that their codes mean, best first, equals by id. */
function naive(parts: readonly FunnelPart[], vector: Float32Array): { id: string; score: number }[] {
  const all = parts.flatMap(({ codes, rerank = codes, mask }, part) =>
    Array.from({ length: rerank.length }, (_, row) => {
      const numbers = rerank.row(row);
      const score = Math.fround(
        vector.reduce((sum, x, i) => sum + x * numbers[i], 0) / Math.hypot(...numbers),
      );
      return { id: idOf(part, row), score, isIn: !mask || (mask[row >> 5] >>> (row & 31)) & 1 };
    }).filter(({ isIn }) => isIn),
  );
  return all.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

describe('a search', () => {
  test.each([
    ['int8', undefined],
    ['int4', undefined],
    ['float32', undefined],
    ['int8', 'float32'],
    ['binary', 'int8'],
  ] as const)(
    'of %s codes with %s behind them finds the best by the finest ones, when exact',
    (kind, finer) => {
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 1, max: 30 }), fc.boolean(), (seed, k, isMasked) => {
          const parts = [60, 0, 41].map((rows, i): FunnelPart => {
            const vectors = randomVectors(rows, 150, seed + i);
            const mask = isMasked ? Uint32Array.of(0x0f0f00ff, 0xffff0000) : undefined;
            return { codes: column(kind, 150, vectors), rerank: finer && column(finer, 150, vectors), mask };
          });
          const query = randomVectors(1, 150, seed + 9);
          const { hits } = searchFunnel(scanner, parts, query, { k, exact: true, idOf });
          const expected = naive(parts, query).slice(0, k);
          expect(hits.length).toBe(expected.length);
          for (const [i, { score }] of hits.entries()) expect(score).toBeCloseTo(expected[i].score, 6);
          for (const { part, row, id } of hits) expect(id).toBe(idOf(part, row));
          for (const { codes, rerank } of parts) for (const each of [codes, rerank]) each?.dispose();
        }),
        { numRuns: 25 },
      );
    },
  );

  test('lets ids decide between equals, however many there are', () => {
    const one = randomVectors(1, 200, 1);
    const vectors = new Float32Array(3000 * 200);
    for (let row = 0; row < 3000; row++) vectors.set(one, row * 200);
    for (const kind of ['int8', 'int4', 'binary', 'float32'] as const) {
      const parts = [{ codes: column(kind, 200, vectors) }];
      const { hits } = searchFunnel(scanner, parts, one, { k: 7, idOf, plan: { planes: 1, oversample: 2 } });
      const ids = Array.from({ length: 3000 }, (_, row) => idOf(0, row)).sort();
      expect(hits.map(({ id }) => id)).toEqual(ids.slice(0, 7));
      parts[0].codes.dispose();
    }
  });

  test('leaves out scores that are too low and rows that are not accepted, and says whether it fell short', () => {
    const parts = [{ codes: column('int8', 64, randomVectors(2000, 64, 1)) }];
    const query = randomVectors(1, 64, 5);
    const all = searchFunnel(scanner, parts, query, { k: 2000, exact: true, idOf });
    expect(all.isShort).toBe(false);
    const { score: minScore } = all.hits[20];
    const near = searchFunnel(scanner, parts, query, { k: 2000, minScore, idOf });
    expect(near.hits).toEqual(all.hits.filter(({ score }) => score >= minScore));
    const few = searchFunnel(scanner, parts, query, {
      k: 5,
      idOf,
      accept: (_part, row) => row === all.hits[1999].row,
    });
    expect(few).toEqual({ hits: [], isShort: true });
  });

  test('of several queries finds for each what it finds alone', () => {
    const parts = [{ codes: column('int8', 256, randomVectors(3000, 256, 1)) }];
    const queries = [5, 6, 7].map((seed) => randomVectors(1, 256, seed));
    const options = { k: 10, idOf, plan: { planes: 2, oversample: 8 } };
    const alone = queries.map((query) => searchFunnel(scanner, parts, query, options));
    expect(searchFunnelMany(scanner, parts, queries, options)).toEqual(alone);
  });
});

describe('a plan', () => {
  test('of few rows is to scan all planes', () => {
    const parts = [{ codes: column('int8', 256, randomVectors(1000, 256, 1)) }];
    expect(planFunnel(scanner, parts)).toEqual({ planes: 4, oversample: 1 });
  });

  test('of many rows reads fewer planes and finds nearly the same', () => {
    const vectors = randomVectors(25_000, 256, 1);
    const parts = [{ codes: column('int8', 256, vectors) }];
    const plan = planFunnel(scanner, parts);
    expect(plan.planes).toBeLessThan(4);
    expect(planFunnel(scanner, parts)).toEqual(plan);
    let found = 0;
    for (let query = 0; query < 50; query++) {
      const vector = vectors.slice(query * 499 * 256, (query * 499 + 1) * 256);
      const exact = searchFunnel(scanner, parts, vector, { k: 10, exact: true, idOf });
      const ids = new Set(
        searchFunnel(scanner, parts, vector, { k: 10, plan, idOf }).hits.map(({ id }) => id),
      );
      found += exact.hits.filter(({ id }) => ids.has(id)).length;
    }
    expect(found).toBeGreaterThanOrEqual(0.98 * 500);
  });

  test('for finer codes asks for enough of the coarse ones', () => {
    const vectors = randomVectors(5000, 128, 2);
    const parts = [{ codes: column('binary', 128, vectors), rerank: column('int8', 128, vectors) }];
    const { planes, oversample } = planFunnel(scanner, parts);
    expect(planes).toBe(1);
    expect(oversample).toBeGreaterThan(1);
  });
});
