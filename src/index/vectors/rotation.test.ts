import { expect, test } from 'vitest';
import { randomVectors } from '../testing/vectors.ts';
import { Rotation } from './rotation.ts';

const product = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

test.each([1, 2, 3, 7, 64, 100, 256, 300, 1024])(
  'products of vectors of %i dimensions stay as they are',
  (dimensions) => {
    const rotation = new Rotation(dimensions);
    const vectors = randomVectors(4, dimensions, dimensions);
    const at = (row: number) => vectors.subarray(row * dimensions, (row + 1) * dimensions);
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [2, 3],
    ])
      expect(product(rotation.apply(at(a)), rotation.apply(at(b)))).toBeCloseTo(product(at(a), at(b)), 12);
    const turned = rotation.apply(at(0));
    rotation.undo(turned);
    for (const [i, x] of at(0).entries()) expect(turned[i]).toBeCloseTo(x, 12);
  },
);

test('a dimension is spread over its block by the signs of Walsh and Hadamard, and over no other', () => {
  const dimensions = 300;
  const rotation = new Rotation(dimensions);
  const ones = (n: number) => n.toString(2).replaceAll('0', '').length;
  const signs = new Set<number>();
  // 300 dimensions are blocks of 256, 32, 8 and 4.
  for (const [start, size] of [
    [0, 256],
    [256, 32],
    [288, 8],
    [296, 4],
  ]) {
    for (let i = 0; i < size; i += 3) {
      const vector = new Float64Array(dimensions);
      vector[start + i] = 1;
      const turned = rotation.apply(vector);
      const sign = Math.sign(turned[start]);
      signs.add(sign);
      for (let j = 0; j < dimensions; j++) {
        const within = j - start;
        const expected =
          within < 0 || within >= size ? 0 : (sign * (-1) ** ones(i & within)) / Math.sqrt(size);
        expect(turned[j]).toBeCloseTo(expected, 12);
      }
    }
  }
  expect(signs).toEqual(new Set([1, -1]));
});
