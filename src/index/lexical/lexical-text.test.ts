import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lexicalText } from './lexical-text.ts';

test('words are in lower case, and what is between them is as many spaces', () => {
  expect(lexicalText('The (Arctic) TERN—flies, "far"!')).toBe('the  arctic  tern flies   far  ');
  expect(lexicalText('北极燕鸥，飞得很远。')).toBe('北极燕鸥 飞得很远 ');
  expect(lexicalText('👍🏽')).toBe('👍  '); // whatever its colour
  expect(lexicalText('İstanbul, ΟΔΟΣ')).toBe('istanbul  οδος');
});

test('marks, digits, pictures and invisible joiners stay', () => {
  for (const text of ['สวัสดี', 'हिन्दी', 'e\u0301', '3½', '👍', 'soft\u00adware', 'نمی\u200cخواهم'])
    expect(lexicalText(text)).toBe(text);
});

test('every text keeps its number of units', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      expect(lexicalText(text)).toHaveLength(text.length);
    }),
  );
  expect(lexicalText('a\ud800b')).toBe('a b');
  const all = Array.from({ length: 0x110000 }, (_, at) => String.fromCodePoint(at));
  expect(all.filter((character) => lexicalText(character).length !== character.length)).toEqual([]);
});

test('a text that is read twice is as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      expect(lexicalText(lexicalText(text))).toBe(lexicalText(text));
    }),
  );
});
