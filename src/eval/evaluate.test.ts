import { expect, it } from 'vitest';
import { findSets } from './beir.ts';
import type { EvalLeg, EvalOptions } from './evaluate.ts';
import { evaluateSet } from './evaluate.ts';
import { BIRDS, emptyFolder, writeFiles } from './testing/set-folder.ts';

/** Knows words by their first letter only: the vector counts letters. */
const embedder = {
  report: { dimensions: 26 },
  tasks: [] as string[],
  async *embedMany(texts: AsyncIterable<string>, { task = '' }: { task?: string }) {
    for await (const text of texts) {
      this.tasks.push(`${task}: ${text}`);
      const values = new Float32Array(26);
      for (const [letter] of text.toLowerCase().matchAll(/\b[a-z]/g)) values[letter.charCodeAt(0) - 97]++;
      const length = Math.hypot(...values);
      yield { values: values.map((value) => value / length) };
    }
  },
};

/** Each word is a token; its letters are the id. */
const tokenizer = {
  unknownId: 0,
  encode(text: string) {
    const words = [...text.matchAll(/\S+/g)];
    return {
      ids: Uint32Array.from(words, ([word]) =>
        [...word].reduce((id, c) => (id * 31 + c.charCodeAt(0)) % 1e6, 1),
      ),
      offsets: Uint32Array.from(words.flatMap(({ 0: word, index }) => [index, index + word.length])),
    };
  },
};

async function evaluate(legs: readonly EvalLeg[], more: Partial<EvalOptions> = {}) {
  const folder = emptyFolder();
  await writeFiles(folder, BIRDS);
  const [set] = await findSets(folder);
  return evaluateSet(set, {
    embedder,
    tokenizer,
    legs,
    dimensions: [26],
    codes: ['float32'],
    cutoffs: [1, 2],
    ...more,
  });
}

it('embeds documents and queries as what they are, and counts what cannot be found', async () => {
  embedder.tasks = [];
  const { queries, documents, missing, results } = await evaluate(['vector']);
  expect([queries, documents, missing]).toEqual([2, 4, 1]);
  expect(embedder.tasks).toContain('document: Tern It flies from pole to pole.');
  expect(embedder.tasks.slice(-2)).toEqual(['query: puffins burrows', 'query: bread']);
  // q1 (p, b): d2 first. q2 (b): d3 "Bread is baked …" first, and d2 or d4 at rank 2.
  expect(results.map(({ leg, dimensions, codes }) => [leg, dimensions, codes])).toEqual([
    ['vector', 26, 'float32'],
  ]);
  expect(results[0].metrics[0]).toEqual({ k: 1, ndcg: 0.5, recall: 0.5, mrr: 0.5, map: 0.5 });
});

it('ranks by words without an embedder', async () => {
  const { results } = await evaluate(['lexical'], { embedder: undefined });
  // q2: the shorter d4 first; its other relevant document is not there: recall is a half.
  const ideal = 2 + 1 / Math.log2(3);
  const [, at2] = results[0].metrics;
  expect(results).toHaveLength(1);
  expect(at2.ndcg).toBeCloseTo((1 + 2 / ideal) / 2, 12);
  expect([at2.recall, at2.mrr, at2.map]).toEqual([0.75, 1, 0.75]);
});

it('gives a result for each leg and each combination of lengths and codes', async () => {
  const { results } = await evaluate(['vector', 'lexical', 'hybrid'], {
    dimensions: [26, 8],
    codes: ['float32', 'int8', 'binary+int8'],
  });
  const names = results.map(({ leg, dimensions, codes }) => `${leg} ${dimensions} ${codes}`);
  expect(names).toEqual([
    'lexical undefined undefined',
    ...[26, 8].flatMap((length) =>
      ['float32', 'int8', 'binary+int8'].flatMap((codes) => [
        `vector ${length} ${codes}`,
        `hybrid ${length} ${codes}`,
      ]),
    ),
  ]);
  for (const { metrics } of results) expect(metrics.map(({ k }) => k)).toEqual([1, 2]);
});

it('leaves a document with the id of the query out', async () => {
  const folder = emptyFolder();
  await writeFiles(folder, {
    'corpus.jsonl': '{"_id":"a","text":"same words"}\n{"_id":"b","text":"same"}\n',
    'queries.jsonl': '{"_id":"a","text":"same words"}\n',
    'qrels.tsv': 'a\tb\t1\n',
  });
  const [set] = await findSets(folder);
  const options = { tokenizer, legs: ['lexical'], dimensions: [], codes: [], cutoffs: [1] } as const;
  const { results } = await evaluateSet(set, options);
  expect(results[0].metrics[0].mrr).toBe(1);
});
