import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantiseBlocks } from './block-codes.ts';
import { codesOfBytes, codesOfRow, putCodes, putScales, scalesOfBytes } from './code-bytes.ts';

test.each([4, 8] as const)('codes of %i bits come back from their bytes', (bits) => {
  const most = 2 ** (bits - 1) - 1;
  const codes = fc.array(
    fc.tuple(fc.integer({ min: -most, max: most }), fc.integer({ min: -most, max: most })),
  );
  fc.assert(
    fc.property(codes, fc.nat(3), (pairs, at) => {
      const numbers = Int8Array.from(pairs.flat());
      const bytes = new Uint8Array(at + (numbers.length * bits) / 8);
      putCodes(numbers, bits, bytes, at);
      expect(codesOfBytes(bytes.slice(at), bits)).toEqual(numbers);
      const row = new Int8Array(numbers.length);
      codesOfRow(bytes, at, bits, row);
      expect(row).toEqual(numbers);
    }),
  );
});

test('the even column is in the low half of a byte', () => {
  const bytes = new Uint8Array(1);
  putCodes(Int8Array.of(3, -2), 4, bytes, 0);
  expect(bytes[0]).toBe(0xe3);
});

test('scales of blocks come back from two bytes each, bit for bit', () => {
  const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
  fc.assert(
    fc.property(numbers, fc.constantFrom(4, 8), (values, bits) => {
      const { scales } = quantiseBlocks(Float32Array.from(values), 1, values.length, {
        bits: bits as 4 | 8,
        block: 5,
      });
      const bytes = new Uint8Array(1 + 2 * scales.length);
      putScales(scales, bytes, 1);
      expect(scalesOfBytes(bytes.slice(1))).toEqual(scales);
    }),
  );
});
