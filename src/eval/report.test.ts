import { expect, it } from 'vitest';
import type { SetResult } from './evaluate.ts';
import { averagesOf, type EvalReport, toMarkdown } from './report.ts';

const metrics = (value: number) => [{ k: 10, ndcg: value, recall: value, mrr: value, map: value }];

const set = (name: string, value: number): SetResult => ({
  name,
  queries: 2,
  documents: 3,
  missing: 1,
  results: [
    { leg: 'lexical', metrics: metrics(value) },
    { leg: 'vector', dimensions: 8, codes: 'int8', metrics: metrics(value / 2) },
    { leg: 'vector', dimensions: 4, codes: 'int8', metrics: metrics(value / 4) },
    { leg: 'vector', dimensions: 8, codes: 'int4', metrics: metrics(value / 5) },
    { leg: 'vector', dimensions: 4, codes: 'int4', metrics: metrics(value / 10) },
  ],
});

it('averages over all sets, and over those in one language and across languages', () => {
  const sets = [set('x/en-en', 0.2), set('de-de', 0.4), set('x/de-en', 0.6), set('other', 0.8)];
  const averages = averagesOf(sets);
  expect(averages.map(({ name, sets }) => [name, sets])).toEqual([
    ['all sets', 4],
    ['sets in one language', 2],
  ]);
  expect(averages[1].results[0].metrics[0].ndcg).toBeCloseTo(0.3, 12);
  expect(averagesOf(sets.slice(0, 2))).toHaveLength(1);
  expect(averagesOf(sets.slice(0, 1))).toEqual([]);
});

it('writes averages first, then a table for each set', () => {
  const sets = [set('x/en-en', 0.2), set('de-de', 0.4)];
  const about = { model: 'nano', revision: 'abc', precision: 'f32', date: '2026-01-31' };
  const report: EvalReport = { ...about, sets, averages: averagesOf(sets) };
  const text = toMarkdown(report);
  expect(text).toMatch(/^# Retrieval by nano \(revision abc, f32\), 2026-01-31\n\n/);
  expect(text).toContain(
    '## Mean of 2 all sets\n\n| nDCG@10 | codes | 8 | 4 |\n| --- | --- | --- | --- |\n| vector | int8 | 0.1500 | 0.0750 |\n| vector | int4 | 0.0600 | 0.0300 |\n\n',
  );
  expect(text).toContain('2 queries, 3 documents, 1 relevant documents are not in the corpus.');
  expect(text).toContain('| lexical |  |  | 0.4000 | 0.4000 | 0.4000 | 0.4000 |\n');
});
