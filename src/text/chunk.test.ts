import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunk } from './chunk.ts';
import { Tokenizer } from './tokenizer.ts';

const nano = Tokenizer.fromJSON(readFileSync(new URL('../../models/nano/tokenizer.json', import.meta.url)));

function cut(text: string, maxTokens: number) {
  const { offsets } = nano.encode(text, { addSpecialTokens: false, specialTokens: 'text' });
  return chunk(text, offsets, { maxTokens });
}

const count = (text: string) => nano.encode(text, { addSpecialTokens: false }).ids.length;

/** As many sentences as are wanted, each of 8 tokens or so. */
const sentences = (n: number) =>
  Array.from({ length: n }, (_, i) => `The bird number ${i} sat on the roof.`).join(' ');

test('a short text is one passage, without the white space around it', () => {
  const text = '  \n The tern is small. It flies far.\n ';
  const [passage, ...others] = cut(text, 128);
  expect(others).toEqual([]);
  expect(passage.text).toBe('The tern is small. It flies far.');
  expect([passage.start, passage.end]).toEqual([4, 36]);
  expect(passage.tokenCount).toBe(count(passage.text));
});

test.each(['', ' ', '\n\u3000\t'])('%j has no passage', (text) => {
  expect(cut(text, 8)).toEqual([]);
});

test('passages end where sentences do', () => {
  const passages = cut(sentences(40), 30);
  expect(passages.length).toBeGreaterThan(5);
  for (const { text } of passages) expect(text).toMatch(/^The bird .*roof\.$/s);
});

test('sentences end in every script', () => {
  const japanese = '鳥が飛ぶ。'.repeat(30);
  for (const { text } of cut(japanese, 20)) expect(text).toMatch(/。$/);
  const hindi = 'पक्षी उड़ता है। '.repeat(30);
  for (const { text } of cut(hindi, 20)) expect(text).toMatch(/।$/);
});

test('an empty line ends a passage that is half full, and no emptier one', () => {
  const paragraph = sentences(3);
  const half = count(paragraph);
  expect(cut(`${paragraph}\n\n${paragraph}`, 2 * half + 1)).toHaveLength(1);
  expect(cut(`${paragraph}\n\n${sentences(1)}`, 2 * half - 1).map(({ text }) => text)).toEqual([
    paragraph,
    sentences(1),
  ]);
});

test('a sentence that is too long is cut between words', () => {
  const text = 'the sea and the sky '.repeat(40).trim();
  const passages = cut(text, 16);
  expect(passages.length).toBeGreaterThan(5);
  for (const { text: words } of passages) expect(words).toMatch(/^(the|sea|and|sky)( (the|sea|and|sky))*$/);
});

test('a word that is too long is cut between characters', () => {
  const passages = cut('😀x'.repeat(100), 8);
  expect(passages.map(({ text }) => text).join('')).toBe('😀x'.repeat(100));
  for (const { text } of passages) expect(text).not.toMatch(/\p{Surrogate}/u);
});

test('a character of more tokens than a passage may have is a passage all the same', () => {
  // U+FDFA is a phrase of eighteen letters.
  const passages = cut('ﷺﷺ', 2);
  expect(passages.map(({ text }) => text)).toEqual(['ﷺ', 'ﷺ']);
});

test('a word that begins within a token is cut behind that token', () => {
  expect(cut('𖿢ŦﵑÀ', 2).map(({ text }) => text)).toEqual(['𖿢Ŧ', 'ﵑ', 'À']);
});

const parts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(
    '. ',
    '\n\n',
    '。',
    '  ',
    'The tern flies. ',
    '鳥が飛ぶ。',
    '<s>',
    '\ud800',
    'a'.repeat(50),
  ),
);
const texts = fc.array(parts, { maxLength: 30 }).map((all) => all.join(''));

describe('whatever the text', () => {
  test('its passages are in order, do not overlap, and leave out white space only', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, maxTokens) => {
        let at = 0;
        for (const { text: words, start, end } of cut(text, maxTokens)) {
          expect(text.slice(at, start)).toMatch(/^\s*$/);
          expect(text.slice(start, end)).toBe(words);
          expect(words.trim()).toBe(words);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(text.slice(at)).toMatch(/^\s*$/);
      }),
      { numRuns: 5000 },
    );
  });

  test('no passage has more tokens than it may, but where all of them share characters with the next', () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, maxTokens) => {
        const { offsets } = nano.encode(text, { addSpecialTokens: false, specialTokens: 'text' });
        for (const { tokenCount, start, end } of cut(text, maxTokens)) {
          if (tokenCount <= maxTokens) continue;
          const tokens = Array.from({ length: offsets.length / 2 }, (_, i) =>
            offsets.subarray(2 * i, 2 * i + 2),
          );
          const own = tokens.filter(([from]) => from >= start && from < end);
          for (let i = 1; i < own.length; i++) {
            const last = Math.max(own[i - 1][0], own[i - 1][1] - 1);
            expect(own[i][0], `token ${i}`).toBeLessThanOrEqual(last);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
