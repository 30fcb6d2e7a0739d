import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SternaError } from '../errors.ts';
import { smallTokenizer, smallTokenizerJson, tokensOf } from './testing/small-tokenizer.ts';
import { Tokenizer } from './tokenizer.ts';

const nanoBytes = readFileSync(new URL('../../models/nano/tokenizer.json', import.meta.url));
const nano = Tokenizer.fromJSON(nanoBytes);

/** The units of a text that each token came from. */
function spans(tokenizer: Tokenizer, text: string): string[] {
  const { ids, offsets } = tokenizer.encode(text, { addSpecialTokens: false });
  return Array.from(ids, (_, i) => text.slice(offsets[2 * i], offsets[2 * i + 1]));
}

/** Texts with everything that is awkward: all of Unicode, lone surrogates, combining marks, names of special tokens. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        '\u3000',
        '▁',
        '<s>',
        ' <mask>',
        '\ud800',
        '\udc00',
        'ẹ̀',
        '½',
        'ﬁ',
        '👨‍👩‍👧',
      ),
      fc.constantFrom('Fernsehturm', 'ドアに鍵をかける', 'لا تنس أن', 'the door', 'ประตู'),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

describe('any text at all', () => {
  test('has ids of the vocabulary between <s> and </s>', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids, truncated } = nano.encode(text);
        expect([ids[0], ids.at(-1)]).toEqual([0, 2]);
        expect(ids.every((id) => id < nano.vocabularySize)).toBe(true);
        expect(truncated).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('has tokens whose ranges lie in it, in order, and leave out nothing that is not white space', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids, offsets } = nano.encode(text, { addSpecialTokens: false });
        const covered = new Uint8Array(text.length);
        for (let i = 0; i < ids.length; i++) {
          const [start, end] = offsets.subarray(2 * i, 2 * i + 2);
          expect(start).toBeLessThanOrEqual(end);
          expect(end).toBeLessThanOrEqual(text.length);
          if (i > 0) expect(start).toBeGreaterThanOrEqual(offsets[2 * i - 2]);
          covered.fill(1, start, end);
        }
        // The map drops control characters and marks that it does not know; letters and digits stay.
        for (const { index, 0: letter } of text.matchAll(/[\p{Ll}\p{Lu}\p{Nd}]/gu)) {
          expect(covered[index], letter).toBe(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('is cut to as many tokens as are allowed, which are the first ones', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 12 }), (text, maxTokens) => {
        const whole = nano.encode(text);
        const cut = nano.encode(text, { maxTokens });
        expect(cut.truncated).toBe(whole.ids.length > maxTokens);
        expect(cut.ids.length).toBe(Math.min(whole.ids.length, maxTokens));
        expect([...cut.ids.slice(0, -1)]).toEqual([...whole.ids.slice(0, cut.ids.length - 1)]);
        expect(cut.ids.at(-1)).toBe(2);
      }),
    );
  });

  test('reads the same after others as before them', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const before = nano.encode(one);
        nano.encode(other, { pair: one });
        expect(nano.encode(one)).toEqual(before);
      }),
    );
  });
});

describe('odd texts', () => {
  test('an empty one is its special tokens alone', () => {
    const { ids, offsets, truncated } = nano.encode('');
    expect([...ids]).toEqual([0, 2]);
    expect([...offsets]).toEqual([0, 0, 0, 0]);
    expect(truncated).toBe(false);
    expect(nano.encode(' \n\t ').ids).toEqual(ids);
  });

  test('a lone surrogate is read as U+FFFD, a pair as what it is', () => {
    expect(nano.encode('a\ud83d b').ids).toEqual(nano.encode('a\ufffd b').ids);
    expect(nano.encode('a😀b').ids).not.toEqual(nano.encode('a\ufffdb').ids);
  });

  test('control characters are dropped, and those that are white space part words', () => {
    expect(nano.encode('to\u0007day').ids).toEqual(nano.encode('today').ids);
    expect(nano.encode('to\u0085day').ids).toEqual(nano.encode('to day').ids);
    expect(nano.encode('to\u2028day').ids).toEqual(nano.encode('to day').ids);
  });

  test('a text of 100,000 characters, or of one word of that length, has all its tokens', () => {
    const words = 'puffin '.repeat(14_286);
    const one = nano.encode('puffin').ids.length - 2;
    expect(nano.encode(words).ids.length).toBe(14_286 * one + 2);
    const letters = 'a'.repeat(100_000);
    const { offsets } = nano.encode(letters);
    expect(offsets.at(-3)).toBe(100_000);
    expect(nano.encode(letters, { maxTokens: 512 }).ids.length).toBe(512);
  });
});

describe('offsets', () => {
  test('are of the original text, in UTF-16 units', () => {
    expect(spans(nano, '  The 😀 sea')).toEqual(['The', '', '😀', 'se', 'a']);
  });

  test('point at the one character where the map makes several of it', () => {
    const text = 'ﬁsh';
    const { ids, offsets } = nano.encode(text, { addSpecialTokens: false });
    expect(ids).toEqual(nano.encode('fish', { addSpecialTokens: false }).ids);
    expect([offsets[0], offsets.at(-1)]).toEqual([0, 3]);
  });

  test('of a ▁ that stands alone are an empty range where its word begins', () => {
    const tokenizer = smallTokenizer();
    const { ids, offsets } = tokenizer.encode('c c', { addSpecialTokens: false });
    expect(Array.from(ids, (id) => tokenizer.tokenOf(id))).toEqual(['▁', 'c', '▁', 'c']);
    expect([...offsets]).toEqual([0, 0, 0, 1, 2, 2, 2, 3]);
  });
});

describe('special tokens in a text', () => {
  const text = 'end </s> of <mask> it';

  test('are what they say by default, and a <mask> takes the space before it along', () => {
    const { ids, offsets } = nano.encode(text);
    expect([...ids].filter((id) => id === 2)).toHaveLength(2);
    const mask = ids.indexOf(32000);
    expect(text.slice(offsets[2 * mask], offsets[2 * mask + 1])).toBe(' <mask>');
  });

  test('are only characters with specialTokens: text, even where the vocabulary has them as pieces', () => {
    const { ids } = nano.encode(text, { specialTokens: 'text', addSpecialTokens: false });
    expect([...ids].some((id) => id <= 2 || id === 32000)).toBe(false);
    expect(spans(nano, 'a</s>b')).toContain('</s>');
    expect(tokensOf(smallTokenizer(), '<s>', 'text')).toEqual(['▁', '<unk>']);
  });
});

describe('a pair', () => {
  const pair = { addSpecialTokens: true, pair: 'b b b' };

  test('goes into its own template', () => {
    const tokenizer = smallTokenizer();
    const tokens = Array.from(tokenizer.encode('a', { pair: 'c' }).ids, (id) => tokenizer.tokenOf(id));
    expect(tokens).toEqual(['<s>', '▁a', '</s>', '</s>', '▁', 'c', '</s>']);
  });

  // Rust's longest_first, with lengths of both texts and the room for them → what is left of each.
  test.each([
    [6, 6, 7, 3, 4],
    [6, 8, 7, 3, 4],
    [8, 6, 7, 4, 3],
    [2, 9, 7, 2, 5],
    [9, 2, 7, 5, 2],
    [9, 9, 1, 0, 1],
    [40, 30, 9, 5, 4],
  ])('of %i and %i tokens in room for %i is cut to %i and %i', (a, b, room, keptA, keptB) => {
    const tokenizer = smallTokenizer({ pieces: { '▁x': -1, '▁y': -1 } });
    const text = (word: string, count: number) => Array(count).fill(word).join(' ');
    const { ids, truncated } = tokenizer.encode(text('x', a), { pair: text('y', b), maxTokens: room + 4 });
    const count = (piece: string) => [...ids].filter((id) => tokenizer.tokenOf(id) === piece).length;
    expect([count('▁x'), count('▁y'), truncated]).toEqual([keptA, keptB, true]);
  });

  test('without special tokens is one text after the other', () => {
    const tokenizer = smallTokenizer();
    const { ids } = tokenizer.encode('a', { ...pair, addSpecialTokens: false });
    expect(ids).toHaveLength(7);
  });
});

describe('maxTokens', () => {
  test.each([Number.NaN, -1, 0, 1, 2.5, Number.NEGATIVE_INFINITY])('of %s is refused', (maxTokens) => {
    expect(() => nano.encode('a', { maxTokens })).toThrow(
      /^maxTokens is .*; needed: a whole number of at least 2\.$/,
    );
  });

  test('may leave room for the special tokens alone', () => {
    expect([...nano.encode('a b c', { maxTokens: 2 }).ids]).toEqual([0, 2]);
  });
});

test('tokens have ids and ids have tokens', () => {
  expect(nano.vocabularySize).toBe(32001);
  expect(nano.tokenOf(32000)).toBe('<mask>');
  expect(nano.idOf('<mask>')).toBe(32000);
  expect(nano.idOf('▁the')).toBeDefined();
  for (const id of [0, 3, 100, 31999]) expect(nano.idOf(nano.tokenOf(id)!)).toBe(id);
  expect(nano.idOf('no such piece')).toBeUndefined();
  expect(nano.tokenOf(32001)).toBeUndefined();
});

test('a tokenizer.json is read from bytes, from text and from an object alike', () => {
  const text = new TextDecoder().decode(nanoBytes);
  const expected = nano.encode('Where do puffins nest?');
  for (const source of [text, JSON.parse(text) as object])
    expect(Tokenizer.fromJSON(source).encode('Where do puffins nest?')).toEqual(expected);
});

describe('the pre-tokenizer', () => {
  const metaspace = (prepend_scheme: string) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme });
  const split = (prepend_scheme: string) => ({
    type: 'Sequence',
    pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace(prepend_scheme)],
  });

  test('Metaspace alone keeps each space as a ▁, with WhitespaceSplit before it they are gone', () => {
    expect(tokensOf(smallTokenizer({ preTokenizer: metaspace('always') }), 'c  c')).toEqual([
      '▁',
      'c',
      '▁',
      '▁',
      'c',
    ]);
    expect(tokensOf(smallTokenizer({ preTokenizer: split('always') }), ' c  c ')).toEqual([
      '▁',
      'c',
      '▁',
      'c',
    ]);
  });

  test('puts a ▁ before every word, the first of the text, or none', () => {
    const tokens = (scheme: string) => tokensOf(smallTokenizer({ preTokenizer: split(scheme) }), 'c c');
    expect(tokens('always')).toEqual(['▁', 'c', '▁', 'c']);
    expect(tokens('first')).toEqual(['▁', 'c', 'c']);
    expect(tokens('never')).toEqual(['c', 'c']);
  });

  test('with prepend_scheme first means the place in the original text', () => {
    const tokenizer = smallTokenizer({
      preTokenizer: split('first'),
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Replace', pattern: { String: 'x' }, content: 'c c' },
          { type: 'Replace', pattern: { String: 'y' }, content: '' },
        ],
      },
    });
    expect(tokensOf(tokenizer, 'x'), 'both words came from the first character').toEqual([
      '▁',
      'c',
      '▁',
      'c',
    ]);
    expect(tokensOf(tokenizer, 'yc'), 'the first character is gone').toEqual(['c']);
    expect(tokensOf(tokenizer, ' c')).toEqual(['c']);
    expect(tokensOf(tokenizer, '</s>c')).toEqual(['</s>', 'c']);
  });

  test('of older files says add_prefix_space', () => {
    const old = (add_prefix_space: boolean) => ({ type: 'Metaspace', replacement: '▁', add_prefix_space });
    expect(tokensOf(smallTokenizer({ preTokenizer: old(true) }), 'c')).toEqual(['▁', 'c']);
    expect(tokensOf(smallTokenizer({ preTokenizer: old(false) }), 'c')).toEqual(['c']);
  });
});

describe('the normalizer', () => {
  const normalized = (normalizer: unknown, text: string) =>
    tokensOf(smallTokenizer({ normalizer, pieces: { '▁': -1, a: -1, b: -1, c: -1 } }), text).join('');

  test('strips white space of every kind, at one end or both', () => {
    const strip = (left: boolean, right: boolean) => ({
      type: 'Strip',
      strip_left: left,
      strip_right: right,
    });
    expect(normalized(strip(true, true), '\u3000 a b \n')).toBe('▁a▁b');
    expect(normalized(strip(true, false), ' a ')).toBe('▁a▁');
    expect(normalized(strip(false, true), ' a ')).toBe('▁a');
    expect(normalized(strip(true, true), ' \n ')).toBe('');
  });

  test('replaces texts as they are written and patterns as they are meant', () => {
    const replace = (pattern: object, content: string) => ({ type: 'Replace', pattern, content });
    expect(normalized(replace({ String: '.-[' }, 'b'), 'a.-[c')).toBe('▁abc');
    expect(normalized(replace({ Regex: ' {2,}' }, ' '), 'a    b')).toBe('▁a▁b');
  });

  test.each(['\\s+', '.', '^a', '[[:alpha:]]', '(?i)a', 'a*', 'a++', '(', 'a{2}+'])(
    'refuses the pattern %j, which may mean something else here',
    (Regex) => {
      const normalizer = { type: 'Replace', pattern: { Regex }, content: '' };
      expect(() => smallTokenizer({ normalizer })).toThrow(
        /normalizer\.pattern\.Regex is .*; needed: a regular expression/,
      );
    },
  );
});

describe('added tokens', () => {
  const text = 'a-b c/d';

  test('may hold any character', () => {
    const added = ['a-b', 'c/d', '[x]', '(*)', '\\', '$^'].map((content, i) => ({ id: 100 + i, content }));
    const tokenizer = smallTokenizer({ added });
    expect(tokensOf(tokenizer, `${text}[x](*)\\$^`)).toEqual(['a-b', '▁', 'c/d', '[x]', '(*)', '\\', '$^']);
  });

  test('the leftmost is found, and of those that begin there the longest', () => {
    const added = [
      { id: 100, content: '#a' },
      { id: 101, content: '#ab' },
    ];
    expect(tokensOf(smallTokenizer({ added }), '#ab#a')).toEqual(['#ab', '#a']);
  });

  test('of single words have no letter, digit or joiner beside them', () => {
    const tokenizer = smallTokenizer({ added: [{ id: 100, content: '#', single_word: true }] });
    for (const word of ['#', '# #', '-#-']) expect(tokensOf(tokenizer, word), word).toContain('#');
    for (const word of ['a#', '#a', '1#', '_#', '\u200d#', '#ß', '𝒳#'])
      expect(tokensOf(tokenizer, word), word).not.toContain('#');
  });

  test('take white space along where they strip, but no byte order mark', () => {
    const tokenizer = smallTokenizer({
      added: [
        { id: 100, content: '<', lstrip: true },
        { id: 101, content: '>', rstrip: true },
      ],
    });
    expect(tokensOf(tokenizer, 'a \u0085<')).toEqual(['▁a', '<']);
    expect(tokensOf(tokenizer, '> \u2003a')).toEqual(['>', '▁a']);
    expect(tokensOf(tokenizer, '>  <')).toEqual(['>', '<']);
    expect(tokensOf(tokenizer, 'a\ufeff<')).toEqual(['▁a', '<unk>', '<']);
  });

  test('that are normalized are found in the normalised text', () => {
    const normalizer = { type: 'Replace', pattern: { String: 'x' }, content: 'b' };
    const tokenizer = smallTokenizer({ normalizer, added: [{ id: 100, content: '#x', normalized: true }] });
    expect(tokensOf(tokenizer, 'a#b')).toEqual(['▁a', '#x']);
    const { offsets } = tokenizer.encode('a#x', { addSpecialTokens: false });
    expect([...offsets]).toEqual([0, 1, 1, 3]);
  });
});

describe('a tokenizer.json that is not usable', () => {
  const changed = (path: string, value: unknown): object => {
    const json = structuredClone(smallTokenizerJson({ added: [{ id: 20, content: 'x' }] })) as Record<
      string,
      unknown
    >;
    const names = path.split('.');
    const last = names.pop()!;
    const parent = names.reduce((at, name) => at[name] as Record<string, unknown>, json);
    parent[last] = value;
    return json;
  };

  test.each([
    ['model.type', 'BPE', 'unsupported-model', 'model.type is "BPE"; needed: "Unigram"'],
    ['model.byte_fallback', true, 'unsupported-model', 'model.byte_fallback is true; needed: false'],
    ['model.fuse_unk', false, 'unsupported-model', 'model.fuse_unk is false; needed: true'],
    ['model.alphabet', [], 'unsupported-model', 'model.alphabet is a list of 0; needed: no such field'],
    ['model.unk_id', null, 'unsupported-model', 'model.unk_id is null; needed: the id of the piece'],
    [
      'model.unk_id',
      99,
      'corrupt-file',
      'model.unk_id is 99; needed: a place in the vocabulary of 13 pieces',
    ],
    ['model.vocab', {}, 'corrupt-file', 'model.vocab is an object with 0 fields; needed: a list'],
    ['model.vocab.5', ['a'], 'corrupt-file', 'model.vocab[5] is a list of 1; needed: [piece, score]'],
    ['model.vocab.5', ['a', '1'], 'corrupt-file', 'model.vocab[5] is a list of 2; needed: [piece, score]'],
    ['model', undefined, 'corrupt-file', 'model is absent; needed: an object'],
    ['normalizer', { type: 'NFKC' }, 'unsupported-model', 'needed: a normalizer of type Precompiled'],
    ['normalizer', { type: 'Precompiled', precompiled_charsmap: '!' }, 'corrupt-file', 'is not base64'],
    ['normalizer', { type: 'Precompiled', precompiled_charsmap: 'AAAA' }, 'corrupt-file', 'has 3 bytes'],
    ['pre_tokenizer', { type: 'ByteLevel' }, 'unsupported-model', 'needed: Metaspace, or WhitespaceSplit'],
    ['pre_tokenizer.replacement', '_', 'unsupported-model', 'pre_tokenizer.replacement is "_"; needed: "▁"'],
    ['pre_tokenizer.prepend_scheme', 'last', 'unsupported-model', 'needed: "always", "first" or "never"'],
    ['post_processor', { type: 'ByteLevel' }, 'unsupported-model', 'needed: a post-processor of type'],
    [
      'post_processor.cls',
      ['<s>'],
      'corrupt-file',
      'post_processor.cls[1] is absent; needed: a whole number',
    ],
    ['added_tokens.0.id', -1, 'corrupt-file', 'added_tokens[0].id is -1; needed: a whole number from 0'],
    ['added_tokens.0.content', 7, 'corrupt-file', 'added_tokens[0].content is 7; needed: a string'],
  ])('with %s = %j: %s', (path, value, code, words) => {
    const read = () => Tokenizer.fromJSON(changed(path, value), 'tokenizer.json');
    expect(read).toThrow(SternaError);
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }));
    expect(read).toThrow(/^tokenizer\.json: /);
  });

  test('because it is cut off, or is not UTF-8, says so', () => {
    for (const bytes of [nanoBytes.subarray(0, 5000), Uint8Array.of(0xff, 0xfe), new Uint8Array(0)]) {
      expect(() => Tokenizer.fromJSON(bytes)).toThrow(/^tokenizer\.json is not JSON: /);
    }
    for (const text of ['[]', 'null', '7', '"x"'])
      expect(() => Tokenizer.fromJSON(text)).toThrow(SternaError);
  });

  test('because its sequences are nested without end is refused', () => {
    let normalizer: object = { type: 'Strip', strip_left: true, strip_right: true };
    for (let i = 0; i < 100_000; i++) normalizer = { type: 'Sequence', normalizers: [normalizer] };
    expect(() => smallTokenizer({ normalizer })).toThrow(/needed: sequences no deeper than 8/);
  });

  test('in any other way is a SternaError, or encodes', () => {
    const paths = pathsOf(smallTokenizerJson({ added: [{ id: 20, content: 'x' }] }));
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        try {
          Tokenizer.fromJSON(changed(path, value)).encode('a </s> bc', { pair: 'x' });
        } catch (error) {
          if (!(error instanceof SternaError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('because its character map is damaged is a SternaError, or encodes', () => {
    const charsmap = Buffer.from(
      JSON.parse(nanoBytes.toString()).normalizer.precompiled_charsmap as string,
      'base64',
    );
    fc.assert(
      fc.property(
        fc.nat(charsmap.length),
        fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 30 }),
        anyText,
        (length, changes, text) => {
          const damaged = Buffer.from(charsmap.subarray(0, length < 100_000 ? length : charsmap.length));
          for (const [at, byte] of changes) if (at < damaged.length) damaged[at] = byte;
          const normalizer = { type: 'Precompiled', precompiled_charsmap: damaged.toString('base64') };
          try {
            smallTokenizer({ normalizer }).encode(text);
          } catch (error) {
            if (!(error instanceof SternaError)) throw error;
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Dotted paths of every value in an object. */
function pathsOf(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    prefix + name,
    ...pathsOf(inner, `${prefix}${name}.`),
  ]);
}
