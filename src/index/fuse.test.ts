import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fused, fuseByRank, fuseByScore, type Leg } from './fuse.ts';

const VECTORS: Leg<string> = { ids: ['a', 'b', 'c'], scores: [0.9, 0.8, 0.5] };
const WORDS: Leg<string> = { ids: ['c', 'd', 'a'], scores: [12, 6, 3] };

const order = (results: readonly Fused[]) => results.map(({ id }) => id);

/** Legs with few different scores, so that many are equal. */
const legs = fc.array(
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 6 })), {
      selector: ([id]) => id,
    })
    .map((pairs) => pairs.sort((a, b) => b[1] - a[1]))
    .chain((pairs) =>
      fc.constantFrom(0.5, 1, 2).map((weight) => ({
        ids: pairs.map(([id]) => id),
        scores: pairs.map(([, score]) => score),
        weight,
      })),
    ),
  { maxLength: 4 },
);

describe('fuseByRank', () => {
  it('sums the reciprocals of ranks', () => {
    const [first, second, third, fourth] = fuseByRank([VECTORS, WORDS]);
    expect(first).toEqual({ id: 'a', score: 1 / 61 + 1 / 63, scores: [0.9, 3] });
    expect(second).toEqual({ id: 'c', score: 1 / 63 + 1 / 61, scores: [0.5, 12] });
    expect(third).toEqual({ id: 'b', score: 1 / 62, scores: [0.8, undefined] });
    expect(fourth).toEqual({ id: 'd', score: 1 / 62, scores: [undefined, 6] });
  });

  it('gives a leg its weight, and fewer ranks weight with a larger constant', () => {
    expect(order(fuseByRank([VECTORS, { ...WORDS, weight: 2 }]))).toEqual(['c', 'a', 'd', 'b']);
    const pair = [
      { ids: ['top', 'both'], scores: [2, 1] },
      { ids: ['x', 'y', 'both'], scores: [3, 2, 1] },
    ];
    expect(order(fuseByRank(pair, { rankConstant: 0, k: 1 }))).toEqual(['top']);
    expect(order(fuseByRank(pair, { rankConstant: 60, k: 1 }))).toEqual(['both']);
  });

  it('takes ids of typed arrays, and gives numbers back', () => {
    const leg = { ids: Uint32Array.of(7, 10, 9), scores: Float32Array.of(1, 0.5, 0.5) };
    expect(order(fuseByRank([leg]))).toEqual([7, 9, 10]);
  });

  it('counts of an id that comes twice the first place, and no rank for the second', () => {
    const [a, b] = fuseByRank([{ ids: ['a', 'a', 'b'], scores: [3, 2, 1] }]);
    expect([a.score, a.scores, b.score]).toEqual([1 / 61, [3], 1 / 62]);
  });

  it('does not depend on the order of equal scores, and equals the sum over all ids', () => {
    fc.assert(
      fc.property(legs, fc.integer({ min: 0, max: 100 }), (list, rankConstant) => {
        const results = fuseByRank(list, { k: 100, rankConstant });
        const turned = list.map(({ ids, scores, weight }) => {
          const places = ids.map((_, i) => i).reverse();
          places.sort((a, b) => scores[b] - scores[a]);
          return { ids: places.map((i) => ids[i]), scores: places.map((i) => scores[i]), weight };
        });
        expect(fuseByRank(turned, { k: 100, rankConstant })).toEqual(results);
        for (const { id, score, scores } of results) {
          let sum = 0;
          for (const leg of list) {
            const at = leg.ids.indexOf(id);
            if (at < 0) continue;
            const rank = 1 + leg.scores.filter((other) => other > leg.scores[at]).length;
            sum += leg.weight / (rankConstant + rank);
          }
          expect(score).toBeCloseTo(sum, 12);
          expect(scores).toEqual(list.map((leg) => leg.scores[leg.ids.indexOf(id)]));
        }
        expect(new Set(order(results))).toEqual(new Set(list.flatMap(({ ids }) => ids)));
      }),
    );
  });
});

describe('fuseByScore', () => {
  it('sums what is above the lowest score, times the weight', () => {
    const results = fuseByScore([
      { ...VECTORS, weight: 20 },
      { ...WORDS, lowest: 0 },
    ]);
    expect(results.map(({ id, scores }) => [id, scores])).toEqual([
      ['c', [0.5, 12]],
      ['a', [0.9, 3]],
      ['b', [0.8, undefined]],
      ['d', [undefined, 6]],
    ]);
    for (const [i, sum] of [12, 20 * 0.4 + 3, 20 * 0.3, 6].entries()) {
      expect(results[i].score).toBeCloseTo(sum, 12);
    }
  });

  it('trusts scores below the full one in proportion', () => {
    const [first, second, third] = fuseByScore([{ ...WORDS, lowest: 0, full: 9 }]);
    expect([first.score, second.score, third.score]).toEqual([12, 6 * (6 / 9), 3 * (3 / 9)]);
    expect(fuseByScore([{ ids: ['a'], scores: [-3], lowest: -1, full: -1 }])[0].score).toBe(0);
  });

  it('lets the leg decide that is surer of its first hit', () => {
    const vectors = { ids: ['near', 'far'], scores: [0.6, 0.3], weight: 20 };
    const words = (score: number) => ({ ids: ['far', 'near'], scores: [score, 1], lowest: 0 });
    expect(order(fuseByScore([vectors, words(3)]))).toEqual(['near', 'far']);
    expect(order(fuseByScore([vectors, words(9)]))).toEqual(['far', 'near']);
  });
});

describe('both of them', () => {
  it('give the best ones first, equal ones by id, and no more than k', () => {
    for (const fuse of [fuseByRank, fuseByScore]) {
      fc.assert(
        fc.property(legs, fc.integer({ min: 1, max: 30 }), (list, k) => {
          const results = fuse(list, { k });
          expect(results.length).toBe(Math.min(k, new Set(list.flatMap(({ ids }) => ids)).size));
          for (const [i, { id, score }] of results.entries()) {
            if (i === 0) continue;
            const before = results[i - 1];
            expect(before.score > score || (before.score === score && before.id < id)).toBe(true);
          }
        }),
      );
    }
  });

  it('find nothing by a leg of weight 0, but tell its scores', () => {
    for (const fuse of [fuseByRank, fuseByScore]) {
      const results = fuse([VECTORS, { ...WORDS, weight: 0 }]);
      expect(results.map(({ id, scores }) => [id, scores])).toEqual([
        ['a', [0.9, 3]],
        ['b', [0.8, undefined]],
        ['c', [0.5, 12]],
      ]);
    }
  });

  it('find nothing in legs without results', () => {
    for (const fuse of [fuseByRank, fuseByScore]) {
      expect(fuse([])).toEqual([]);
      expect(fuse([{ ids: [], scores: [] }])).toEqual([]);
    }
  });

  it('refuse a k, a weight, a constant and legs that are none', () => {
    const refused = (words: string) =>
      expect.objectContaining({ code: 'invalid-input', message: expect.stringContaining(words) });
    for (const fuse of [fuseByRank, fuseByScore]) {
      for (const k of [0, 1.5, Number.NaN])
        expect(() => fuse([VECTORS], { k })).toThrow(refused(`k is ${k}`));
      expect(() => fuse([{ ...VECTORS, weight: -1 }])).toThrow(refused('weight of leg 0 is -1'));
      expect(() => fuse([{ ids: ['a'], scores: [] }])).toThrow(refused('1 ids and 0 scores'));
      expect(() => fuse([{ ids: ['a', 'b'], scores: [1, 2] }])).toThrow(refused('is 2 after 1'));
      expect(() => fuse([{ ids: ['a'], scores: [Number.NaN] }])).toThrow(refused('is NaN'));
      expect(() => fuse([{ ...VECTORS, lowest: Number.NaN }])).toThrow(refused('lowest score of leg 0'));
      expect(() => fuse([{ ...VECTORS, full: Number.NaN }])).toThrow(refused('full score of leg 0'));
    }
    expect(() => fuseByRank([VECTORS], { rankConstant: -1 })).toThrow(refused('rankConstant is -1'));
  });
});
