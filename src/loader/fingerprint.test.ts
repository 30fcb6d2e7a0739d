import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fingerprint } from './fingerprint.ts';

const of = (...parts: Uint8Array[]) =>
  parts.reduce((hash, part) => hash.add(part), new Fingerprint()).toString();

test('is 16 hexadecimal digits, the same for the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(of(bytes)).toMatch(/^[0-9a-f]{16}$/);
      expect(of(bytes)).toBe(of(bytes.slice()));
    }),
  );
});

test('is another one for every bit that differs', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 7);
  const seen = new Set([of(bytes)]);
  for (let bit = 0; bit < 512; bit++) {
    const other = bytes.slice();
    other[bit >> 3] ^= 1 << (bit & 7);
    seen.add(of(other));
  }
  expect(seen.size).toBe(513);
});

test('tells texts apart that read the same end to end', () => {
  const one = new Fingerprint().addText('ab').addText('c').toString();
  expect(one).not.toBe(new Fingerprint().addText('a').addText('bc').toString());
});
