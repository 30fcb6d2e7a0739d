import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { smallTokenizer } from '../../text/testing/small-tokenizer.ts';
import { isPair, locateTerms, termsOf } from './terms.ts';

const tokenizer = smallTokenizer();
const id = (piece: string) => tokenizer.idOf(piece)!;
const pieces = (text: string) => [...termsOf(tokenizer, text)].filter((term) => !isPair(term));
const pairs = (text: string) => [...termsOf(tokenizer, text)].filter(isPair);

describe('terms', () => {
  test('are the pieces of a text, without special tokens, case and the signs between words', () => {
    expect(pieces('(AB), a </s>!')).toEqual([id('▁ab'), id('▁a'), 2 ** 30 + 's'.charCodeAt(0)]);
    expect(termsOf(tokenizer, '«ab» A')).toEqual(termsOf(tokenizer, 'ab a'));
  });

  test('do not count a ▁ that stands alone', () => {
    expect(pieces('c')).toEqual([id('c')]);
    expect(pieces(' ')).toEqual([]);
    expect(pieces('')).toEqual([]);
  });

  test('count two neighbours in a word as a pair, and no two of different words', () => {
    expect(pieces('acb')).toEqual([id('▁a'), id('c'), id('b')]);
    expect(pairs('acb')).toHaveLength(2);
    expect(pairs('a c b')).toEqual([]);
    expect(pairs('acb')).toEqual([...pairs('ac'), pairs('aacb').at(-1)]);
    expect(pairs('ccb')).toHaveLength(2);
  });

  test('tell pairs of another order apart', () => {
    const all = ['acc', 'ccb', 'cbc', 'bcb', 'bbb', 'cac'].flatMap(pairs);
    expect(new Set(pairs('acacbcb')).size).toBeGreaterThan(4);
    expect(all.every((term) => term >= 2 ** 31 && term < 2 ** 32 && Number.isInteger(term))).toBe(true);
    expect(pairs('xy')).not.toEqual(pairs('yx'));
  });

  test('take characters that the vocabulary lacks by themselves', () => {
    expect(pieces('ไทย')).toEqual(Array.from('ไทย', (character) => 2 ** 30 + character.codePointAt(0)!));
    expect(pieces('👍')).toEqual([2 ** 30 + 0x1f44d]);
    expect(pairs('ไทย')).toHaveLength(2);
    expect(pieces('ไทย ลาว')).not.toContain(2 ** 30 + 0x20);
  });

  test('of every text have ranges in ascending order within it, and are the terms of what they span', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', 'b', 'c', ' ', '.', 'A', 'ก', '👍', '\ud800'),
          maxLength: 30,
        }),
        (text) => {
          const { terms, offsets } = locateTerms(tokenizer, text);
          expect(offsets).toHaveLength(2 * terms.length);
          let last = 0;
          for (const [i, term] of terms.entries()) {
            const [start, end] = offsets.subarray(2 * i, 2 * i + 2);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(text.length);
            if (isPair(term)) continue;
            expect(start).toBeGreaterThanOrEqual(last);
            last = end;
            const piece = tokenizer.tokenOf(term)?.replace('▁', '') ?? String.fromCodePoint(term - 2 ** 30);
            expect(text.slice(start, end).toLowerCase()).toBe(piece);
          }
        },
      ),
    );
  });
});
