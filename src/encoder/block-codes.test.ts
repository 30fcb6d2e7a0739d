import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Q4, Q8, quantiseBlocks } from './block-codes.ts';

const numbers = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
    minLength: 1,
    maxLength: 200,
  })
  .map((values) => Float32Array.from(values));

test('every number in 8 bits is within half a step of its block', () => {
  fc.assert(
    fc.property(numbers, (data) => {
      const { codes, scales } = quantiseBlocks(data, 1, data.length, Q8);
      for (const [i, value] of data.entries()) {
        const scale = scales[Math.floor(i / 64)];
        expect(Math.abs(value - codes[i] * scale)).toBeLessThanOrEqual(0.5001 * scale + 1e-40);
      }
    }),
  );
});

test('the error of 4 bits is no larger than with the largest size as the largest code', () => {
  fc.assert(
    fc.property(numbers, (data) => {
      const { codes, scales } = quantiseBlocks(data, 1, data.length, Q4);
      for (let start = 0; start < data.length; start += 32) {
        const block = data.subarray(start, start + 32);
        const plain = Math.max(...block.map(Math.abs)) / 7;
        let found = 0;
        let bound = 0;
        let squares = 0;
        for (const [i, value] of block.entries()) {
          squares += value ** 2;
          found += (value - codes[start + i] * scales[start / 32]) ** 2;
          bound += plain > 0 ? (value - Math.round(value / plain) * plain) ** 2 : 0;
        }
        // A scale is up to 2^-7 more than it need be, as it is a bfloat16.
        const slack = 2 ** -7 * Math.sqrt(squares) + 1e-40;
        expect(Math.sqrt(found)).toBeLessThanOrEqual(Math.sqrt(bound) + slack);
        for (const code of codes.subarray(start, start + 32)) expect(Math.abs(code)).toBeLessThanOrEqual(7);
      }
    }),
  );
});

test('zeros have the code 0 and a scale that is a number', () => {
  const { codes, scales } = quantiseBlocks(new Float32Array(40), 2, 20, Q4);
  expect([...codes].every((code) => code === 0)).toBe(true);
  expect([...scales]).toEqual([0, 0]);
});
