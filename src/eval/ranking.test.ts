import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byScoreThenId } from './metrics.ts';
import { BestRows, tieOrder } from './ranking.ts';

describe('BestRows', () => {
  it('keeps what sorting all of them would put first, ties included, stream after stream', () => {
    const stream = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 60 });
    const depths = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(stream, stream, depths, (first, second, depth) => {
        const ids = Array.from({ length: 60 }, (_, row) => `d${(row * 7) % 60}`);
        const best = new BestRows(depth, tieOrder(ids));
        for (const scores of [first, second]) {
          for (const [row, score] of scores.entries()) best.add(row, score);
          const { rows, scores: kept } = best.take();
          const all = scores.map((score, row) => ({ id: ids[row], score })).sort(byScoreThenId);
          const expected = all.slice(0, depth);
          expect(Array.from(rows, (row) => ids[row])).toEqual(expected.map(({ id }) => id));
          expect([...kept]).toEqual(expected.map(({ score }) => score));
        }
      }),
    );
  });
});
