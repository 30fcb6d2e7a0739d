import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SCANNED, scanTokenizer } from './vocabulary-scanner.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** What was scanned, put together again as JSON.parse would have it. */
function scanned(text: string | Uint8Array): unknown {
  const found = scanTokenizer(typeof text === 'string' ? encode(text) : text);
  if (!found) return undefined;
  const { vocabulary } = found;
  const pieces = Array.from({ length: vocabulary.size }, (_, id) => [
    vocabulary.piece(id),
    vocabulary.scores[id],
  ]);
  return JSON.parse(JSON.stringify(found.json), (_, value) => (value === SCANNED ? pieces : value));
}

const score = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(0, -0, -3.46354, 1e22, 5e-324, 123456789012345.6, 0.1234567890123456),
);
const entries = fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 8 }), score), { minLength: 1 });

test('pieces and scores are those of JSON.parse, bit for bit, in every layout', () => {
  fc.assert(
    fc.property(entries, fc.constantFrom(0, 1, '\t'), fc.string(), (vocab, indent, extra) => {
      const json = { added: [extra], model: { type: extra, vocab, unk_id: 0 }, tail: extra };
      const text = JSON.stringify(json, undefined, indent);
      const found = scanned(text) as typeof json;
      expect(found).toEqual(JSON.parse(text));
      const scores = found.model.vocab.map(([, value]) => value);
      expect(scores.every((value, i) => Object.is(value, JSON.parse(text).model.vocab[i][1]))).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('nano’s tokenizer is read in full', () => {
  const bytes = readFileSync(new URL('../../models/nano/tokenizer.json', import.meta.url));
  expect(scanned(bytes)).toEqual(JSON.parse(bytes.toString()));
});

describe('is left to JSON.parse', () => {
  const wrap = (vocab: string) => `{"vocab":${vocab}}`;

  test.each([
    '[]',
    '{}',
    '[["a",1]',
    '[["a",1],]',
    '[["a" 1]]',
    '[["a",1,2]]',
    '[["a"]]',
    '[["a","1"]]',
    '[["a",01]]',
    '[["a",-]]',
    '[["a",1.]]',
    '[["a",.5]]',
    '[["a",+1]]',
    '[["a",1e]]',
    '[["a",1e999]]',
    '[["a",NaN]]',
    '[["a",--1]]',
    '[["a",1-1]]',
    '[["a\u0001",1]]',
    '[["\\x",1]]',
    '[["\\u12",1]]',
    '[["a,1]]',
  ])('a vocabulary like %j', (vocab) => {
    expect(scanned(wrap(vocab))).toBeUndefined();
  });

  test.each([
    [[0xc0, 0x80]],
    [[0xe0, 0x80, 0x80]],
    [[0xed, 0xa0, 0x80]],
    [[0xf4, 0x90, 0x80, 0x80]],
    [[0xff]],
    [[0xe2, 0x96]],
  ])('what is no UTF-8: %j', (wrong) => {
    const bytes = encode(wrap('[["xxxx",1]]'));
    bytes.fill(0x61, bytes.indexOf(0x78), bytes.indexOf(0x78) + 4);
    bytes.set(wrong, bytes.indexOf(0x61, 10));
    expect(scanned(bytes)).toBeUndefined();
  });

  test('a file without a vocabulary, and one that is cut off', () => {
    expect(scanned('{"model":{}}')).toBeUndefined();
    expect(scanned('')).toBeUndefined();
    const whole = wrap('[["a",1],["b",2]]');
    for (let length = 0; length < whole.length; length++)
      expect(scanned(whole.slice(0, length))).toBeUndefined();
  });
});

test('bytes of any kind are scanned to nothing, or to what JSON.parse makes of them', () => {
  const parts = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '"vocab"',
    '["a",1]',
    '-',
    '1',
    '.',
    '\\',
    ' ',
    'é',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 20 }), (all) => {
      const text = `{"vocab":[["a",${all.join('')}`;
      const found = scanned(text);
      if (found !== undefined) expect(found).toEqual(JSON.parse(text));
    }),
    { numRuns: 3000 },
  );
});
