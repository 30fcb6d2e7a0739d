import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byScoreThenId, type Judgements, measure, measureAll } from './metrics.ts';

const judged: Judgements = new Map([
  ['best', 3],
  ['good', 2],
  ['fair', 1],
  ['poor', 0],
  ['spam', -1],
]);

describe('measure', () => {
  it('gives what a hand-computed case gives', () => {
    // Ranks:        1       2       3       4       5
    const ranked = ['good', 'poor', 'best', 'else', 'fair'];
    // DCG@4  = 2/log2(2) + 3/log2(4) = 2 + 1.5 = 3.5
    // IDCG@4 = 3/log2(2) + 2/log2(3) + 1/log2(4) = 3 + 1.2618595 + 0.5 = 4.7618595
    // recall = 2 of 3; first relevant at rank 1; AP = (1/1 + 2/3) / 3
    const { ndcg, recall, mrr, map } = measure(ranked, judged, 4);
    expect(ndcg).toBeCloseTo(3.5 / 4.7618595, 7);
    expect(recall).toBeCloseTo(2 / 3, 12);
    expect(mrr).toBe(1);
    expect(map).toBeCloseTo(5 / 9, 12);
    // IDCG@2 = 3 + 1.2618595: an ideal ranking is cut as well.
    expect(measure(ranked, judged, 2).ndcg).toBeCloseTo(2 / 4.2618595, 7);
  });

  it('divides precision and recall by all relevant documents, also where there are more than k', () => {
    const many = new Map(Array.from({ length: 20 }, (_, i) => [`d${i}`, 1]));
    const ranked = [...many.keys()];
    expect(measure(ranked, many, 10)).toEqual({ ndcg: 1, recall: 0.5, mrr: 1, map: 0.5 });
  });

  it('passes over what was not judged, or judged to be worthless', () => {
    const { ndcg, mrr } = measure(['spam', 'poor', 'else', 'best'], judged, 10);
    expect(mrr).toBe(1 / 4);
    expect(ndcg).toBeCloseTo(3 / Math.log2(5) / 4.7618595, 7);
  });

  it('is 0 where nothing is found, and where there is nothing to be found', () => {
    const nothing = { ndcg: 0, recall: 0, mrr: 0, map: 0 };
    expect(measure([], judged, 10)).toEqual(nothing);
    expect(measure(['poor'], new Map([['poor', 0]]), 10)).toEqual(nothing);
  });

  it('is 1 for an ideal ranking and never more for any', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const relevances = fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(
        relevances,
        fc.shuffledSubarray(ids),
        fc.integer({ min: 1, max: 8 }),
        (values, ranked, k) => {
          const some = new Map(ids.map((id, i) => [id, values[i]]));
          for (const value of Object.values(measure(ranked, some, k))) {
            expect(value >= 0 && value <= 1 + 1e-12).toBe(true);
          }
          const ideal = [...ids].sort((a, b) => some.get(b)! - some.get(a)!);
          if (values.some((value) => value > 0)) {
            const best = measure(ideal, some, k);
            expect(best.ndcg).toBeCloseTo(1, 12);
            expect(best.mrr).toBe(1);
          }
        },
      ),
    );
  });
});

describe('measureAll', () => {
  it('averages over queries with relevant documents; one that found nothing counts', () => {
    const judgements = new Map<string, Judgements>([
      ['found', new Map([['a', 1]])],
      ['lost', new Map([['b', 1]])],
      ['hopeless', new Map([['c', 0]])],
    ]);
    const rankings = new Map([['found', ['x', 'a']]]);
    const { mrr, recall } = measureAll(rankings, judgements, 10);
    expect([mrr, recall]).toEqual([0.25, 0.5]);
  });
});

describe('byScoreThenId', () => {
  it('puts the greater id first where scores are equal', () => {
    const found = ['d2', 'd10', 'd3'].map((id) => ({ id, score: 1 }));
    const sorted = [...found, { id: 'a', score: 2 }].sort(byScoreThenId);
    expect(sorted.map(({ id }) => id)).toEqual(['a', 'd3', 'd2', 'd10']);
  });
});
