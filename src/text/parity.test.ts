import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Tokenizer } from './tokenizer.ts';

const data = new URL('../../../shared/data/xlm-r/', import.meta.url);
const here = existsSync(data);
const nano = new URL('../../models/nano/', import.meta.url);

interface Line {
  readonly text: string;
  readonly ids: readonly number[];
}

describe.skipIf(!here)('with the XLM-R vocabulary (skipped where ../shared/data/xlm-r is absent)', () => {
  const tokenizer = here ? Tokenizer.fromJSON(readFileSync(new URL('tokenizer.json', data))) : undefined;

  function mismatches(lines: readonly Line[]): Line[] {
    return lines.filter(({ text, ids }) => tokenizer!.encode(text).ids.join() !== ids.join());
  }

  test('every line of the parity corpus, in 86 languages, has the reference ids', () => {
    const lines = gunzipSync(readFileSync(new URL('parity.jsonl.gz', data)))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.length).toBeGreaterThan(13_000);
    expect(mismatches(lines).map(({ text }) => text)).toEqual([]);
  });

  test('every edge case (emoji, controls, stacked marks, special tokens in text) has the reference ids', () => {
    const lines = JSON.parse(readFileSync(new URL('edge.json', data), 'utf8')) as Line[];
    expect(lines.length).toBeGreaterThan(30);
    expect(mismatches(lines).map(({ text }) => text)).toEqual([]);
  });
});

test('every text of the nano model’s golden file has its ids', () => {
  const tokenizer = Tokenizer.fromJSON(readFileSync(new URL('tokenizer.json', nano)));
  const { items } = JSON.parse(readFileSync(new URL('golden.json', nano), 'utf8')) as { items: Line[] };
  expect(items.length).toBe(40);
  for (const { text, ids } of items) expect([...tokenizer.encode(text).ids], text).toEqual(ids);
});
