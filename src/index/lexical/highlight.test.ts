import { describe, expect, test } from 'vitest';
import { smallTokenizer } from '../../text/testing/small-tokenizer.ts';
import { highlight } from './highlight.ts';
import { locateTerms, termsOf } from './terms.ts';

const tokenizer = smallTokenizer();

describe('highlights', () => {
  const marked = (text: string, query: string) =>
    highlight(locateTerms(tokenizer, text), termsOf(tokenizer, query)).map((range) => text.slice(...range));

  test('are the words of the query in the text', () => {
    expect(marked('b (AB) a. ab, c', 'ab')).toEqual(['AB', 'ab']);
    expect(marked('ab c', 'b')).toEqual([]);
  });

  test('are a word as a whole where all its pieces match, and else those pieces', () => {
    expect(marked('acb acc', 'acb')).toEqual(['acb', 'acc']);
    expect(marked('acb', 'ac')).toEqual(['ac']);
    expect(marked('abxcc', 'ab')).toEqual(['ab']);
  });

  test('do not join words', () => {
    expect(marked('a a', 'a')).toEqual(['a', 'a']);
    expect(marked('ab abc', 'ab abc')).toEqual(['ab', 'abc']);
  });

  test('are no single letters within words, but ideographs and letters that are words', () => {
    expect(marked('acb b', 'b')).toEqual(['b']);
    expect(marked('acb a', 'a')).toEqual(['a']);
    expect(marked('北极燕鸥', '极')).toEqual(['极']);
    expect(marked('นกบิน', 'บ')).toEqual([]);
  });

  test('are ranges of the original text, whatever characters it has', () => {
    expect(marked('👍 ไทย, AB', 'ไทย ab 👍')).toEqual(['👍', 'ไทย', 'AB']);
  });

  test('of nothing are nothing', () => {
    expect(marked('', 'a')).toEqual([]);
    expect(marked('a', '')).toEqual([]);
  });
});
