import { expect, test } from 'vitest';
import { erf, gelu } from './erf.ts';

// Digits from Abramowitz & Stegun, table 7.1, and NIST's Digital Library of Mathematical Functions.
test.each([
  [0, 0],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
])('erf(%d) is %d, and odd', (x, value) => {
  expect(Math.abs(erf(x) - value)).toBeLessThanOrEqual(4e-16);
  expect(erf(-x)).toBe(-erf(x));
});

test('erf is ±1 far out, and NaN of NaN', () => {
  expect([erf(10), erf(-10), erf(Number.POSITIVE_INFINITY)]).toEqual([1, -1, 1]);
  expect(erf(Number.NaN)).toBeNaN();
});

test('GELU is the exact one, not its approximation by tanh', () => {
  expect(gelu(1)).toBeCloseTo(0.8413447460685429, 15);
  const tanh = 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (1 + 0.044715)));
  expect(Math.abs(gelu(1) - tanh)).toBeGreaterThan(1e-4);
});
