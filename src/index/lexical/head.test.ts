import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LexicalHead } from './head.ts';
import { countedTerms, readAll, readTerm } from './testing/postings-map.ts';
import { rows, seededRows, term } from './testing/random-rows.ts';

test('a head holds the rows so far, after each of them', () => {
  fc.assert(
    fc.property(rows, term, (all, one) => {
      const head = new LexicalHead();
      for (const [row, terms] of all.entries()) {
        expect(head.add(terms)).toBe(row);
        const counted = countedTerms(all.slice(0, row + 1));
        expect(readTerm(head, one)).toEqual(counted.get(one));
        expect(head.termCount).toBe(counted.size);
        expect([...head.lengths]).toEqual(all.slice(0, row + 1).map(({ length }) => length));
      }
      expect(readAll(head)).toEqual(countedTerms(all));
    }),
    { numRuns: 50 },
  );
});

test('a head grows as far as it must, and says how much memory it takes', () => {
  const all = seededRows(4000);
  const head = new LexicalHead();
  const empty = head.byteLength;
  for (const terms of all) head.add(terms);
  const counted = countedTerms(all);
  expect(readAll(head)).toEqual(counted);
  const postings = [...counted.values()].reduce((sum, { size }) => sum + size, 0);
  expect(head.byteLength).toBeGreaterThan(empty);
  expect(head.byteLength).toBeLessThan(2 * 16 * postings + 64 * counted.size + 4 * all.length + 10_000);
});

test('a head counts more than 65,535 of anything as 65,535', () => {
  const head = new LexicalHead();
  head.add(new Uint32Array(70_000).fill(7));
  expect(readTerm(head, 7)).toEqual(new Map([[0, 65_535]]));
  expect(head.totalLength).toBe(65_535);
});
