import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  andBits,
  andNotBits,
  bitmapFromBytes,
  bitmapToBytes,
  clearBit,
  countBits,
  forEachBit,
  hasBit,
  keepFirstBits,
  makeBitmap,
  notBits,
  orBits,
  setBit,
} from './bitmap.ts';

const sets = fc.integer({ min: 0, max: 100 }).chain((length) => {
  const flags = fc.array(fc.boolean(), { minLength: length, maxLength: length });
  return fc.tuple(flags, flags);
});

function of(flags: readonly boolean[]): Uint32Array {
  const bitmap = makeBitmap(flags.length);
  for (const [i, flag] of flags.entries()) if (flag) setBit(bitmap, i);
  return bitmap;
}

function placesIn(bitmap: Uint32Array): number[] {
  const places: number[] = [];
  forEachBit(bitmap, (i) => places.push(i));
  return places;
}

function placesOf(flags: readonly boolean[]): number[] {
  return flags.flatMap((flag, i) => (flag ? [i] : []));
}

test('bitmaps do what sets do', () => {
  fc.assert(
    fc.property(sets, ([a, b]) => {
      expect(placesIn(of(a))).toEqual(placesOf(a));
      expect(a.map((_, i) => hasBit(of(a), i))).toEqual(a);
      expect(countBits(of(a))).toBe(placesOf(a).length);
      expect(placesIn(andBits(of(a), of(b)))).toEqual(placesOf(a.map((flag, i) => flag && b[i])));
      expect(placesIn(orBits(of(a), of(b)))).toEqual(placesOf(a.map((flag, i) => flag || b[i])));
      expect(placesIn(andNotBits(of(a), of(b)))).toEqual(placesOf(a.map((flag, i) => flag && !b[i])));
      expect(placesIn(notBits(of(a), a.length))).toEqual(placesOf(a.map((flag) => !flag)));
      expect(bitmapFromBytes(bitmapToBytes(of(a)), a.length)).toEqual(of(a));
    }),
  );
});

test('the first so many bits can be set, and the first so many set bits kept', () => {
  fc.assert(
    fc.property(sets, fc.nat(100), ([flags], count) => {
      const ones = Math.min(count, flags.length);
      expect(placesIn(makeBitmap(flags.length, ones))).toEqual(Array.from({ length: ones }, (_, i) => i));
      expect(placesIn(keepFirstBits(of(flags), count))).toEqual(placesOf(flags).slice(0, count));
    }),
  );
});

test('a cleared bit is not set', () => {
  const bitmap = makeBitmap(40, 40);
  clearBit(bitmap, 31);
  expect(countBits(bitmap)).toBe(39);
  expect(hasBit(bitmap, 31)).toBe(false);
});

test('bytes of another length, or with bits beyond it, are refused', () => {
  const refusal = expect.objectContaining({ code: 'corrupt-file' });
  expect(() => bitmapFromBytes(new Uint8Array(4), 33)).toThrow(refusal);
  expect(() => bitmapFromBytes(Uint8Array.of(8, 0, 0, 0), 3)).toThrow(refusal);
});
