import { expect, it } from 'vitest';
import { bm25 } from './bm25.ts';
import { fullScore } from './full-score.ts';
import { LexicalHead } from './head.ts';

function headOf(rows: readonly (readonly number[])[]): LexicalHead {
  const head = new LexicalHead();
  for (const row of rows) head.add(Uint32Array.from(row));
  return head;
}

const PAIR = 2 ** 31 + 5;

it('is the score of a row of average length that has every term once', () => {
  const postings = headOf([
    [1, 2, PAIR],
    [2, 3, 4],
    [5, 6, 7],
  ]);
  const query = Uint32Array.of(1, 2, PAIR);
  const { rows, scores } = bm25([{ postings }], query);
  expect(rows[0]).toBe(0);
  expect(fullScore([{ postings }], query)).toBeCloseTo(scores[0], 5);
});

it('counts rows of all parts, terms as often as they are asked for, and unknown ones as the rarest', () => {
  const parts = [[[1, 2]], [[2, 3], [4]]].map((rows) => ({ postings: headOf(rows) }));
  // N = 3; term 2 is in two rows, term 9 in none.
  const two = Math.log(1 + 1.5 / 2.5);
  const none = Math.log(1 + 3.5 / 0.5);
  expect(fullScore(parts, Uint32Array.of(2, 9, 2))).toBeCloseTo(2 * two + none, 12);
});

it('is 0 without terms or rows', () => {
  expect(fullScore([{ postings: headOf([[1]]) }], new Uint32Array())).toBe(0);
  expect(fullScore([], Uint32Array.of(1))).toBe(0);
});
