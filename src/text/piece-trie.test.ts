import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonPlace } from './json-place.ts';
import { PieceTrie, ROOT } from './piece-trie.ts';
import { Vocabulary } from './vocabulary.ts';

function trieOf(keys: readonly string[]): PieceTrie {
  const entries = keys.map((key) => [key, -1]);
  return PieceTrie.of(Vocabulary.of(new JsonPlace(entries, 'test:')))!;
}

const keys = fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), { maxLength: 200 });

test('finds every key that it was made of, and no other text', () => {
  fc.assert(
    fc.property(keys, fc.string({ unit: 'binary', maxLength: 6 }), (all, other) => {
      const trie = trieOf(all);
      for (const [value, key] of all.entries()) expect(trie.get(key)).toBe(value);
      expect(trie.get(other)).toBe(all.includes(other) ? all.indexOf(other) : undefined);
    }),
  );
});

test('steps down through prefixes that are no keys', () => {
  const trie = trieOf(['tern']);
  const t = trie.step(ROOT, 't'.charCodeAt(0));
  expect(t).not.toBe(ROOT);
  expect(trie.valueOf(t)).toBe(-1);
  expect(trie.step(t, 'x'.charCodeAt(0))).toBe(ROOT);
});

test('makes room for keys that are much longer than pieces are', () => {
  const long = Array.from({ length: 20 }, (_, i) => String.fromCharCode(0x4e00 + i).repeat(500));
  const trie = trieOf(long);
  for (const [value, key] of long.entries()) expect(trie.get(key)).toBe(value);
});
