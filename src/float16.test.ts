import fc from 'fast-check';
import { expect, test } from 'vitest';
import { halfToFloat, toHalves } from './float16.ts';

test('every float16 comes back as itself', () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    for (const signed of [bits, bits | 0x8000]) {
      expect(toHalves(Float32Array.of(halfToFloat(signed)))[0]).toBe(signed);
    }
  }
});

test('other numbers become the nearest float16, and of two the even one', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: -65504, max: 65504 }), (value) => {
      const [bits] = toHalves(Float32Array.of(value));
      const distance = (other: number) => Math.abs(halfToFloat(other) - value);
      for (const other of [bits - 1, bits + 1]) {
        if (other < 0 || (other & 0x7fff) > 0x7bff || ((other ^ bits) & 0x8000) !== 0) continue;
        expect(distance(bits)).toBeLessThanOrEqual(distance(other));
        if (distance(bits) === distance(other)) expect(bits & 1).toBe(0);
      }
    }),
    { numRuns: 5000 },
  );
});

test('what is too large becomes the largest float16, not infinity', () => {
  expect([...toHalves(Float32Array.of(1e9, -1e9, 65520, 65519))]).toEqual([0x7bff, 0xfbff, 0x7bff, 0x7bff]);
});
