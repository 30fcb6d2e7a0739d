import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SternaError } from '../../errors.ts';
import { type Bm25Options, bm25, type LexicalPart } from './bm25.ts';
import { LexicalHead } from './head.ts';
import { buildLexical } from './merge.ts';
import type { PostingBuffer, Postings } from './postings.ts';
import { LexicalSection } from './section.ts';
import { maskOf, rows, seededRows, terms } from './testing/random-rows.ts';

interface Scored {
  readonly part: number;
  readonly row: number;
  readonly score: number;
}

/** The formula, word by word, over rows of terms. */
function byFormula(
  parts: readonly (readonly Uint32Array[])[],
  query: Uint32Array,
  k1: number,
  b: number,
): Scored[] {
  const all = parts.flat();
  const average = all.reduce((sum, row) => sum + row.length, 0) / all.length;
  const scoreOf = (row: Uint32Array): number => {
    let score = 0;
    for (const term of query) {
      const n = all.filter((other) => other.includes(term)).length;
      const f = row.filter((other) => other === term).length;
      const idf = Math.log(1 + (all.length - n + 0.5) / (n + 0.5));
      const weight = term >= 2 ** 31 ? 0.5 : 1;
      if (f > 0) score += (weight * idf * f * (k1 + 1)) / (f + k1 * (1 - b + (b * row.length) / average));
    }
    return score;
  };
  return parts.flatMap((own, part) => own.map((row, at) => ({ part, row: at, score: scoreOf(row) })));
}

function partsOf(all: readonly (readonly Uint32Array[])[]): LexicalPart[] {
  return all.map((own, part) => {
    if (part % 2 === 0) return { postings: LexicalSection.from(buildLexical(own)) };
    const postings = new LexicalHead();
    for (const row of own) postings.add(row);
    return { postings };
  });
}

function ranked(parts: readonly LexicalPart[], query: Uint32Array, options?: Bm25Options): Scored[] {
  const { parts: numbers, rows: found, scores } = bm25(parts, query, options);
  return Array.from(scores, (score, i) => ({ part: numbers[i], row: found[i], score }));
}

const isBefore = (a: Scored, b: Scored) =>
  a.score > b.score || (a.score === b.score && (a.part < b.part || (a.part === b.part && a.row < b.row)));

describe('BM25', () => {
  const collections = fc.array(rows, { maxLength: 3 });

  test('gives every row the score of the formula, best first', () => {
    fc.assert(
      fc.property(
        collections,
        terms,
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, query, k1, b) => {
          const found = ranked(partsOf(all), query, { k: 1000, k1, b });
          const expected = byFormula(all, query, k1, b).filter(({ score }) => score > 0);
          expect(found).toHaveLength(expected.length);
          for (const { part, row, score } of expected) {
            const own = found.find((one) => one.part === part && one.row === row)!;
            expect(own.score / score).toBeCloseTo(1, 5);
          }
          for (let i = 1; i < found.length; i++) expect(isBefore(found[i - 1], found[i])).toBe(true);
        },
      ),
    );
  });

  test('of k rows gives the first k of all, with those that a mask leaves out left out and no other score', () => {
    const masks = fc.array(fc.array(fc.boolean(), { minLength: 70, maxLength: 70 }), {
      minLength: 3,
      maxLength: 3,
    });
    fc.assert(
      fc.property(collections, terms, fc.integer({ min: 0, max: 20 }), masks, (all, query, k, bits) => {
        const parts = partsOf(all);
        const masked = parts.map((part, i) => ({ ...part, mask: maskOf(bits[i]) }));
        const expected = ranked(parts, query, { k: 1000 }).filter(({ part, row }) => bits[part][row]);
        expect(ranked(masked, query, { k })).toEqual(expected.slice(0, k));
      }),
    );
  });

  test('orders equal scores by part and row', () => {
    const same = Array.from({ length: 40 }, () => Uint32Array.of(1, 2));
    const found = ranked(partsOf([same, same]), Uint32Array.of(2), { k: 60 });
    expect(found.map(({ part, row }) => 40 * part + row)).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });

  test('does not depend on how rows are divided', () => {
    const all = seededRows(300);
    const query = Uint32Array.from(seededRows(1, 9)[0]);
    const whole = bm25(partsOf([all]), query, { k: 50 });
    const divided = bm25(partsOf([all.slice(0, 100), all.slice(100, 101), [], all.slice(101)]), query, {
      k: 50,
    });
    expect(divided.scores).toEqual(whole.scores);
    expect(Array.from(divided.rows, (row, i) => row + [0, 100, 101, 101][divided.parts[i]])).toEqual([
      ...whole.rows,
    ]);
  });

  test('finds nothing in nothing, for nothing, and for what is nowhere', () => {
    expect(ranked([], Uint32Array.of(1))).toEqual([]);
    expect(ranked(partsOf([[], []]), Uint32Array.of(1))).toEqual([]);
    expect(ranked(partsOf([[Uint32Array.of(1)]]), Uint32Array.of())).toEqual([]);
    expect(ranked(partsOf([[Uint32Array.of(1)]]), Uint32Array.of(2))).toEqual([]);
    expect(ranked(partsOf([[new Uint32Array()]]), Uint32Array.of(2))).toEqual([]);
  });

  test.each([
    [{ k: 1.5 }, 'k is 1.5; needed: a whole number of at least 0.'],
    [{ k: -1 }, 'k is -1; needed: a whole number of at least 0.'],
    [{ k1: Number.NaN }, 'k1 is NaN; needed: a number of at least 0.'],
    [{ k1: Number.POSITIVE_INFINITY }, 'k1 is Infinity; needed: a number of at least 0.'],
    [{ b: 1.01 }, 'b is 1.01; needed: a number from 0 to 1.'],
  ])('refuses %j', (options, words) => {
    expect(() => bm25([], Uint32Array.of(1), options)).toThrow(new SternaError('invalid-input', words));
  });
});

describe('a query that asks for too much', () => {
  /** Ten rows, of which every term claims to have as many as its number says. */
  function claiming(read: number[]): Postings {
    const find = (term: number) => ({
      count: term,
      read: (into: PostingBuffer) => {
        read.push(term);
        into.reserve(1);
        into.push(term % 10, 1);
      },
    });
    return {
      rows: 10,
      lengths: new Uint16Array(10).fill(5),
      totalLength: 50,
      termCount: 10,
      find,
      lists: () => [],
    };
  }

  test('reads its rarest terms, until it has read 2²⁴ rows', () => {
    const read: number[] = [];
    bm25([{ postings: claiming(read) }], Uint32Array.of(2 ** 23, 2 ** 24, 5, 2 ** 22, 2 ** 23 + 1, 3));
    expect(read).toEqual([3, 5, 2 ** 22, 2 ** 23]);
  });

  test('reads its rarest term, however frequent', () => {
    const read: number[] = [];
    bm25([{ postings: claiming(read) }], Uint32Array.of(2 ** 25, 2 ** 26));
    expect(read).toEqual([2 ** 25]);
  });

  test('reads the first 4,096 of its terms', () => {
    const read: number[] = [];
    bm25(
      [{ postings: claiming(read) }],
      Uint32Array.from({ length: 10_000 }, (_, i) => 1 + (i >> 1)),
    );
    expect(read).toEqual(Array.from({ length: 4096 }, (_, i) => i + 1));
  });
});
