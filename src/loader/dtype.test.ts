import { expect, test } from 'vitest';
import { numberReader, type WeightType } from './dtype.ts';

const EVERY = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

function readEvery(dtype: WeightType): Float32Array {
  const values = new Float32Array(65536);
  numberReader(new Uint8Array(EVERY.buffer), dtype).copy(0, 65536, values, 0);
  return values;
}

/** A float16 by moving its bits to where a float32 has them. */
function halfByBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  let exponent = (half >> 10) & 0x1f;
  let fraction = half & 0x3ff;
  if (exponent === 31) exponent = 255 - 112;
  else if (exponent === 0 && fraction !== 0) {
    // A subnormal float16 is a normal float32: shift until the leading one falls out.
    exponent = 1;
    while (!(fraction & 0x400)) {
      fraction <<= 1;
      exponent--;
    }
    fraction &= 0x3ff;
  } else if (exponent === 0) exponent = -112;
  return new Float32Array(Int32Array.of(sign | ((exponent + 112) << 23) | (fraction << 13)).buffer)[0];
}

/** A bfloat16 by the definition of its fields. */
function brainByFields(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 7) & 0xff;
  const fraction = bits & 0x7f;
  if (exponent === 255) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0
    ? sign * (fraction / 128) * 2 ** -126
    : sign * (1 + fraction / 128) * 2 ** (exponent - 127);
}

test('each of the 65,536 float16 patterns becomes the float32 of the same value', () => {
  const values = readEvery('F16');
  expect(EVERY.filter((bits) => !Object.is(values[bits], halfByBits(bits)))).toEqual(new Uint16Array(0));
  expect(values[0x0001]).toBe(2 ** -24);
  expect(values[0x7bff]).toBe(65504);
  expect(Object.is(values[0x8000], -0)).toBe(true);
});

test('each of the 65,536 bfloat16 patterns becomes the float32 of the same value', () => {
  const values = readEvery('BF16');
  expect(EVERY.filter((bits) => !Object.is(values[bits], brainByFields(bits)))).toEqual(new Uint16Array(0));
  expect(values[0x0001]).toBe(2 ** -133);
});

test.each(['F16', 'BF16'] as const)('%s: NaN and infinity are found, and nothing else', (dtype) => {
  const values = readEvery(dtype);
  const wrong = EVERY.filter((bits) => {
    const found = numberReader(new Uint8Array(Uint16Array.of(bits).buffer), dtype).firstNotFinite();
    return found !== (Number.isFinite(values[bits]) ? -1 : 0);
  });
  expect(wrong).toEqual(new Uint16Array(0));
});

test('float32 numbers come through unchanged, and the first that is not finite is found', () => {
  const numbers = Float32Array.of(1, -0, 2 ** -149, 3.4028234663852886e38, -1.5);
  const reader = numberReader(new Uint8Array(numbers.buffer), 'F32');
  const copied = new Float32Array(5);
  reader.copy(0, 5, copied, 0);
  expect(copied).toEqual(numbers);
  expect(reader.firstNotFinite()).toBe(-1);
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    numbers[3] = wrong;
    expect(reader.firstNotFinite()).toBe(3);
  }
});

test.each([
  ['F32', new Uint8Array(Float32Array.of(0.5, 1, -2, 4).buffer)],
  ['F16', new Uint8Array(Uint16Array.of(0x3800, 0x3c00, 0xc000, 0x4400).buffer)],
  ['BF16', new Uint8Array(Uint16Array.of(0x3f00, 0x3f80, 0xc000, 0x4080).buffer)],
] as const)('%s: a row is added to what is there, wherever its bytes lie in their buffer', (dtype, bytes) => {
  for (const offset of [0, 1, 2, 3]) {
    const shifted = new Uint8Array(bytes.length + 8).subarray(offset, offset + bytes.length);
    shifted.set(bytes);
    const reader = numberReader(shifted, dtype);
    expect(reader.length).toBe(4);
    const target = Float32Array.of(10, 20, 30, 40);
    reader.add(1, 2, target, 1);
    expect([...target]).toEqual([10, 21, 28, 40]);
    reader.copy(3, 1, target, 0);
    expect([...target]).toEqual([4, 21, 28, 40]);
  }
});
