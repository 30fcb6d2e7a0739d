import { expect, test } from 'vitest';
import { inverseFrequencies, rotationTable } from './rope.ts';

test('frequencies fall from 1 in a geometric series', () => {
  const frequencies = inverseFrequencies({ theta: 10000 }, 64);
  expect(frequencies).toHaveLength(32);
  for (const [i, frequency] of frequencies.entries()) expect(frequency).toBeCloseTo(10000 ** (-i / 32), 7);
});

test('NTK scaling leaves the fastest nearly as it was and divides the slowest by about the factor', () => {
  const factor = 4;
  const plain = inverseFrequencies({ theta: 10000 }, 64);
  const scaled = inverseFrequencies({ theta: 10000, scaling: { factor } }, 64);
  expect(scaled[0] / plain[0]).toBeCloseTo(factor ** (-1 / 32), 6);
  expect(plain[31] / scaled[31]).toBeCloseTo(factor, 5);
});

test('mixed NTK scaling divides the slowest by the factor, and each by less than the next', () => {
  const plain = inverseFrequencies({ theta: 10000 }, 64);
  const scaled = inverseFrequencies({ theta: 10000, scaling: { factor: 4, mixedB: 0.6 } }, 64);
  const ratios = Array.from(plain, (frequency, i) => frequency / scaled[i]);
  expect(ratios[31]).toBeCloseTo(4, 5);
  expect(ratios.every((ratio, i) => i === 0 || ratio > ratios[i - 1])).toBe(true);
});

test('the table has a cosine and a sine for each pair of each position', () => {
  const { positions, values } = rotationTable({ theta: 10000 }, 32, 3);
  expect(positions).toBe(3);
  expect(values).toHaveLength(3 * 32);
  expect([...values.subarray(0, 32)]).toEqual(Array.from({ length: 32 }, (_, i) => (i < 16 ? 1 : 0)));
  expect(values[64]).toBeCloseTo(Math.cos(2), 7);
  expect(values[80]).toBeCloseTo(Math.sin(2), 7);
});
