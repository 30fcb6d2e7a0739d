import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pack } from './pack.ts';

test('texts lie end to end, and their first rows are known', () => {
  const { ids, starts } = pack([Uint32Array.of(0, 5, 2), Uint32Array.of(7), Uint32Array.of(8, 9)]);
  expect([...ids]).toEqual([0, 5, 2, 7, 8, 9]);
  expect([...starts]).toEqual([0, 3, 4, 6]);
});

test('each text can be taken out again', () => {
  fc.assert(
    fc.property(fc.array(fc.uint32Array({ maxLength: 9 })), (sequences) => {
      const { ids, starts } = pack(sequences);
      expect(sequences.map((_, i) => ids.slice(starts[i], starts[i + 1]))).toEqual(sequences);
      expect(starts.at(-1)).toBe(ids.length);
    }),
  );
});
