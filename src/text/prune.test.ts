import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PruneOptions, pruneTokenizer } from './prune.ts';
import { pruningLoss } from './pruning-loss.ts';
import { type SmallTokenizer, smallTokenizerJson, tokensOf } from './testing/small-tokenizer.ts';
import { Tokenizer } from './tokenizer.ts';

const data = new URL('../../../shared/data/xlm-r/', import.meta.url);
const here = existsSync(data);

const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));

function prune(changes: SmallTokenizer, texts: readonly string[], options?: PruneOptions) {
  const json = smallTokenizerJson(changes);
  const { json: bytes, kept } = pruneTokenizer(encode(json), texts, options);
  return { original: Tokenizer.fromJSON(json), pruned: Tokenizer.fromJSON(bytes), kept, bytes };
}

function keptPieces(changes: SmallTokenizer, texts: readonly string[], options?: PruneOptions): string[] {
  const { original, kept } = prune(changes, texts, options);
  return Array.from(kept, (id) => original.tokenOf(id)!);
}

const SPECIAL = ['<s>', '<pad>', '</s>', '<unk>'];

describe('what is kept', () => {
  test('pieces of the texts, in the order of their old ids', () => {
    const pieces = { '▁': -2, a: -3, b: -3, '▁cat': -4, '▁dog': -5, '▁bat': -9 };
    expect(keptPieces({ pieces }, ['dog'])).toEqual([...SPECIAL, '▁', 'a', 'b', '▁dog', '▁bat']);
    // ▁bat, because the least likely piece sets the price of unknown characters.
  });

  test('pieces of the texts in lower case, unless they are not wanted', () => {
    const pieces = { '▁': -2, '▁Dog': -4, '▁dog': -5, x: -9 };
    expect(keptPieces({ pieces }, ['Dog'])).toContain('▁dog');
    expect(keptPieces({ pieces }, ['Dog'], { lowerCase: false })).not.toContain('▁dog');
  });

  test('what kept pieces would be cut into, and what that would be cut into', () => {
    const pieces = { '▁': -2, '▁walking': -4, '▁walk': -5, ing: -6, '▁wa': -7, lk: -8, in: -8, ed: -9 };
    const kept = keptPieces({ pieces: { ...pieces, g: -20 } }, ['walking']);
    expect(kept).toEqual(expect.arrayContaining(['▁walk', 'ing', '▁wa', 'lk', 'in', 'g']));
    expect(kept).not.toContain('ed');
  });

  test('characters of the scripts of the texts, of Latin and of none, or all', () => {
    const pieces = { '▁': -2, q: -3, '!': -3, '😀': -3, д: -3, 日: -3, の: -3, 한: -3, 한국: -4, x: -9 };
    const always = [...SPECIAL, '▁', 'q', '!', '😀'];
    expect(keptPieces({ pieces }, ['q'])).toEqual([...always, 'x']);
    expect(keptPieces({ pieces }, ['日本の'])).toEqual([...always, '日', 'の', 'x']);
    const quotation = `д${'q'.repeat(2000)}`;
    expect(keptPieces({ pieces: { ...pieces, ж: -3 } }, [quotation])).not.toContain('ж');
    expect(keptPieces({ pieces: { ...pieces, ж: -3 } }, [quotation])).toContain('д');
    expect(keptPieces({ pieces }, [], { characters: 'all' })).toEqual([
      ...always,
      'д',
      '日',
      'の',
      '한',
      'x',
    ]);
  });

  test('the most frequent pieces, where they are asked for', () => {
    expect(keptPieces({}, [], { frequent: 10 })).toContain('bc');
    expect(keptPieces({}, [], { frequent: 2 ** 31 }).length).toBe(13);
    expect(keptPieces({}, [])).not.toContain('bc');
  });
});

test('ids of added tokens, templates, padding and the unknown piece follow', () => {
  const json = smallTokenizerJson({
    pieces: { '▁cat': -3, '▁': -2, a: -9, '[CLS]': 0 },
    added: [
      { id: 8, content: '[X]', special: true },
      { id: 20, content: '[Y]' },
    ],
    postProcessor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { '[CLS]': { id: '[CLS]', ids: [7], tokens: ['[CLS]'] } },
    },
  });
  const padding = { strategy: 'BatchLongest', pad_id: 20, pad_token: '[Y]' };
  const model = { ...json.model, unk_id: 3 };
  const { json: bytes, kept } = pruneTokenizer(encode({ ...json, padding, model }), []);
  expect([...kept]).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 20]);
  const pruned = JSON.parse(new TextDecoder().decode(bytes));
  expect(pruned.added_tokens.map(({ id }: { id: number }) => id)).toEqual([0, 1, 2, 3, 7, 8]);
  expect(pruned.post_processor.special_tokens['[CLS]'].ids).toEqual([6]);
  expect(pruned.padding.pad_id).toBe(8);
  expect(pruned.model.unk_id).toBe(3);
  expect([...Tokenizer.fromJSON(bytes).encode('[X]a').ids]).toEqual([6, 7, 4, 5]);
});

test('what is no id stays as it is', () => {
  const odd = { ...smallTokenizerJson(), padding: { pad_id: -1.5 }, truncation: null };
  const pruned = JSON.parse(new TextDecoder().decode(pruneTokenizer(encode(odd), []).json));
  expect(pruned.padding).toEqual({ pad_id: -1.5 });
});

test('ids of the fixed templates follow', () => {
  const postProcessor = { type: 'RobertaProcessing', cls: ['x', 5], sep: ['y', 12] };
  const { pruned, kept } = prune({ postProcessor }, []);
  const { ids } = pruned.encode('', {});
  expect(Array.from(ids, (id) => kept[id])).toEqual([5, 12]);
});

test('a tokenizer that is pruned twice with the same texts stays as it is', () => {
  const first = pruneTokenizer(encode(smallTokenizerJson()), ['abc ab']);
  const second = pruneTokenizer(first.json, ['abc ab']);
  expect(second.json).toEqual(first.json);
  expect(second.kept).toEqual(Uint32Array.from(first.kept.keys()));
});

describe('texts of the sample have the same tokens afterwards', () => {
  const unit = fc.constantFrom('a', 'b', 'c', 'd', 'A', ' ', 'д', '日', '😀', '<s>', '[X]');
  const text = fc.string({ unit, maxLength: 20 });
  // Scores from a few numbers, so that many cuts are equally likely.
  const pieces = fc.dictionary(
    fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '▁', 'д', '日'), minLength: 1, maxLength: 4 }),
    fc.constantFrom(-1, -2, -3, -4, -2.5, -20),
    { maxKeys: 30 },
  );

  test('with any vocabulary', () => {
    fc.assert(
      fc.property(pieces, fc.array(text, { maxLength: 4 }), (pieces, texts) => {
        const size = 4 + Object.keys(pieces).length;
        const changes = { pieces, added: [{ id: size, content: '[X]', special: true }] };
        const { original, pruned, kept } = prune(changes, texts);
        for (const sample of texts.flatMap((text) => [text, text.toLowerCase()])) {
          for (const specialTokens of ['parse', 'text'] as const) {
            const before = original.encode(sample, { specialTokens });
            const after = pruned.encode(sample, { specialTokens });
            expect(after.ids.map((id) => kept[id]).join()).toBe(before.ids.join());
            expect(after.offsets.join()).toBe(before.offsets.join());
          }
        }
        const loss = pruningLoss(original, pruned, kept, texts);
        expect(loss).toMatchObject({ texts: texts.length, sameTexts: 1, unknown: 0 });
        expect(loss.prunedTokens).toBe(loss.tokens);
      }),
      { numRuns: 2000 },
    );
  });

  test('and tokens keep their names, in every text', () => {
    fc.assert(
      fc.property(pieces, text, fc.array(text), (pieces, other, texts) => {
        const { original, pruned, kept } = prune({ pieces }, texts);
        expect([...kept]).toEqual([...new Set(kept)].sort((a, b) => a - b));
        for (const [id, old] of kept.entries()) expect(pruned.tokenOf(id)).toBe(original.tokenOf(old));
        for (const id of pruned.encode(other).ids) expect(id).toBeLessThan(kept.length);
      }),
    );
  });
});

describe('the loss', () => {
  const pieces = { '▁': -2, a: -3, b: -3, '▁ab': -4, '▁ba': -4, д: -5, '▁дд': -6, x: -9 };

  test('counts texts with other tokens, the tokens they need, and unknown ones', () => {
    const { original, pruned, kept } = prune({ pieces }, ['ab']);
    expect(tokensOf(pruned, 'ba')).toEqual(['▁', 'b', 'a']);
    expect(pruningLoss(original, pruned, kept, ['ab', 'ba', 'дд', 'ab ?'])).toEqual({
      pieces: 12,
      keptPieces: 9,
      texts: 4,
      sameTexts: 0.5,
      tokens: 3 + 3 + 3 + 5,
      prunedTokens: 3 + 5 + 4 + 5,
      unknown: 1,
    });
  });

  test('of no texts is none', () => {
    const { original, pruned, kept } = prune({ pieces }, []);
    expect(pruningLoss(original, pruned, kept, [])).toMatchObject({ texts: 0, sameTexts: 1, tokens: 0 });
  });
});

describe.skipIf(!here)('XLM-R (skipped where ../shared/data/xlm-r is absent)', () => {
  const json = here ? readFileSync(new URL('tokenizer.json', data)) : new Uint8Array();
  const lines = here
    ? gunzipSync(readFileSync(new URL('parity.jsonl.gz', data)))
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { lang: string; text: string; ids: number[] })
    : [];

  test.each(['fra spa', 'kor', 'zho-CN', 'rus ukr', 'arb'])(
    'pruned by two thirds of the lines in %s keeps their reference ids, and reads the others without unknown tokens',
    (languages) => {
      const own = lines.filter(({ lang }) => languages.split(' ').includes(lang));
      const sample = own.filter((_, i) => i % 3 > 0);
      const others = own.filter((_, i) => i % 3 === 0);
      const { json: bytes, kept } = pruneTokenizer(
        json,
        sample.map(({ text }) => text),
      );
      const pruned = Tokenizer.fromJSON(bytes);
      const changed = sample.filter(
        ({ text, ids }) => Array.from(pruned.encode(text).ids, (id) => kept[id]).join() !== ids.join(),
      );
      expect(changed).toEqual([]);
      expect(kept.length).toBeLessThan(20_000);

      const original = Tokenizer.fromJSON(json);
      const texts = others.map(({ text }) => text);
      const loss = pruningLoss(original, pruned, kept, texts);
      expect(loss.texts).toBeGreaterThan(0);
      expect(loss.unknown).toBe(0);
      expect(loss.prunedTokens).toBeLessThan(1.4 * loss.tokens);
    },
    60_000,
  );
});
