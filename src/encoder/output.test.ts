import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Output } from '../types.ts';
import { bytesPerVector, quantise, vectorViews } from './output.ts';

const vectors = fc
  .float32Array({ minLength: 1, maxLength: 50, noNaN: true, noDefaultInfinity: true, min: -1, max: 1 })
  .filter((vector) => vector.every((value) => value === 0 || Math.abs(value) > 1e-30));

function code(vector: Float32Array, output: Output): { values: ArrayLike<number>; scale: number } {
  const bytes = new Uint8Array(bytesPerVector(output, vector.length));
  const scale = quantise(vector, output, bytes);
  return { values: vectorViews(bytes.buffer, output, vector.length)[0], scale };
}

test('float32 is the vector itself', () => {
  fc.assert(
    fc.property(vectors, (vector) => {
      expect(code(vector, 'float32')).toEqual({ values: vector, scale: 1 });
    }),
  );
});

test('int8 times its scale is the vector, to half a step, and its largest size is 127', () => {
  fc.assert(
    fc.property(vectors, (vector) => {
      const { values, scale } = code(vector, 'int8');
      const most = Math.max(...vector.map(Math.abs));
      for (const [i, value] of vector.entries())
        expect(Math.abs(values[i] * scale - value)).toBeLessThanOrEqual(0.5000001 * scale);
      if (most > 0) expect(Math.max(...Array.from(values, Math.abs))).toBe(127);
    }),
  );
});

test('int4 has two dimensions a byte, the even one low, each in −7 … 7', () => {
  fc.assert(
    fc.property(vectors, (vector) => {
      const { values, scale } = code(vector, 'int4');
      for (const [i, value] of vector.entries()) {
        const half = (values[i >> 1] >> (i % 2 === 0 ? 0 : 4)) & 0xf;
        const integer = half < 8 ? half : half - 16;
        expect(Math.abs(integer)).toBeLessThanOrEqual(7);
        expect(Math.abs(integer * scale - value)).toBeLessThanOrEqual(0.5000001 * scale);
      }
    }),
  );
  expect([...Array.from(code(Float32Array.of(1, -1, 0.5), 'int4').values)]).toEqual([0x97, 0x04]);
});

test('binary has a bit a dimension, most significant first, set above zero', () => {
  const { values, scale } = code(Float32Array.of(0.1, 0, -0.1, 1, -0, 1, 1, 1, 1), 'binary');
  expect(Array.from(values)).toEqual([0b10010111, 0b10000000]);
  expect(scale).toBe(1);
});

test('a vector of zeros has codes of zeros', () => {
  for (const output of ['int8', 'int4', 'binary'] as const)
    expect(Array.from(code(new Float32Array(3), output).values).every((value) => value === 0)).toBe(true);
});

test('the vectors of a batch are views of one buffer', () => {
  const buffer = new ArrayBuffer(3 * bytesPerVector('int4', 5));
  const views = vectorViews(buffer, 'int4', 5);
  expect(views.map(({ byteOffset, length }) => [byteOffset, length])).toEqual([
    [0, 3],
    [3, 3],
    [6, 3],
  ]);
  expect(views.every((view) => view.buffer === buffer)).toBe(true);
});
