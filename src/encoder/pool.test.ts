import fc from 'fast-check';
import { expect, test } from 'vitest';
import { truncateAndNormalise } from './pool.ts';

test('the first features are taken, and scaled to unit length after that', () => {
  const target = new Float32Array(2);
  truncateAndNormalise(Float32Array.of(3, 4, 12), target);
  expect([...target]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
});

test('a cut vector has unit length, wherever it is cut', () => {
  const pooled = fc.float32Array({ minLength: 8, maxLength: 64, noNaN: true, min: -30, max: 30 });
  fc.assert(
    fc.property(pooled, fc.integer({ min: 1, max: 8 }), (vector, dimensions) => {
      fc.pre(vector.slice(0, dimensions).some((value) => Math.abs(value) > 1e-6));
      const target = new Float32Array(dimensions);
      truncateAndNormalise(vector, target);
      expect(Math.hypot(...target)).toBeCloseTo(1, 6);
    }),
  );
});

test('a vector of zeros stays one', () => {
  const target = new Float32Array(2).fill(7);
  truncateAndNormalise(new Float32Array(4), target);
  expect([...target]).toEqual([0, 0]);
});
