import { corruptIndex } from './corrupt.ts';

/** Which rows or documents take part: `i` does where bit `i & 31` of word `i >> 5` is set. Bits beyond the last one are 0. */
export type Bitmap = Uint32Array;

/** Words of a bitmap of `length` bits. */
export function bitmapWords(length: number): number {
  return Math.ceil(length / 32);
}

/** A bitmap of `length` bits, of which the first `ones` are set. */
export function makeBitmap(length: number, ones = 0): Uint32Array<ArrayBuffer> {
  const bitmap = new Uint32Array(bitmapWords(length));
  const whole = ones >>> 5;
  bitmap.fill(0xffffffff, 0, whole);
  if (ones & 31) bitmap[whole] = lowBits(ones & 31);
  return bitmap;
}

export function setBit(bitmap: Bitmap, i: number): void {
  bitmap[i >>> 5] |= 1 << (i & 31);
}

export function clearBit(bitmap: Bitmap, i: number): void {
  bitmap[i >>> 5] &= ~(1 << (i & 31));
}

export function hasBit(bitmap: Bitmap, i: number): boolean {
  return ((bitmap[i >>> 5] >>> (i & 31)) & 1) === 1;
}

/** How many bits are set. */
export function countBits(bitmap: Bitmap): number {
  let count = 0;
  for (let word = 0; word < bitmap.length; word++) count += bitCount(bitmap[word]);
  return count;
}

/** Keeps in `into` what is in `other`, too; both are of the same length. */
export function andBits(into: Bitmap, other: Bitmap): Bitmap {
  for (let word = 0; word < into.length; word++) into[word] &= other[word];
  return into;
}

/** Sets in `into` all that is set in `other`. */
export function orBits(into: Bitmap, other: Bitmap): Bitmap {
  for (let word = 0; word < into.length; word++) into[word] |= other[word];
  return into;
}

/** Clears in `into` all that is set in `other`. */
export function andNotBits(into: Bitmap, other: Bitmap): Bitmap {
  for (let word = 0; word < into.length; word++) into[word] &= ~other[word];
  return into;
}

/** Turns each of the `length` bits over, in place. */
export function notBits(bitmap: Bitmap, length: number): Bitmap {
  for (let word = 0; word < bitmap.length; word++) bitmap[word] = ~bitmap[word];
  if (length & 31) bitmap[length >>> 5] &= lowBits(length & 31);
  return bitmap;
}

/** Clears all set bits but the first `count`, in place. */
export function keepFirstBits(bitmap: Bitmap, count: number): Bitmap {
  let left = count;
  for (let word = 0; word < bitmap.length; word++) {
    const here = bitCount(bitmap[word]);
    if (here > left) bitmap[word] = lowestSet(bitmap[word], left);
    left -= Math.min(left, here);
  }
  return bitmap;
}

/** Calls `visit` with the place of each set bit, in ascending order. */
export function forEachBit(bitmap: Bitmap, visit: (i: number) => void): void {
  for (let word = 0; word < bitmap.length; word++) {
    for (let bits = bitmap[word]; bits !== 0; bits &= bits - 1) visit(word * 32 + lowestBit(bits));
  }
}

/** Four bytes for each word, little-endian. */
export function bitmapToBytes(bitmap: Bitmap): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * bitmap.length);
  new Uint32Array(bytes.buffer).set(bitmap);
  return bytes;
}

/**
 * The bitmap of `length` bits that {@link bitmapToBytes} wrote.
 *
 * @throws SternaError `corrupt-file` for another number of bytes, or bits beyond the length.
 */
export function bitmapFromBytes(bytes: Uint8Array, length: number): Uint32Array<ArrayBuffer> {
  const needed = 4 * bitmapWords(length);
  if (bytes.length !== needed) {
    throw corruptIndex(`a bitmap of ${length} bits has ${bytes.length} bytes; needed: ${needed}`);
  }
  const bitmap = new Uint32Array(bytes.slice().buffer);
  if (!isWithin(bitmap, length)) throw corruptIndex(`a bitmap of ${length} bits has bits beyond them`);
  return bitmap;
}

/** Whether no bit is set beyond the first `length`; the bitmap has as many words as they need. */
export function isWithin(bitmap: Bitmap, length: number): boolean {
  return (length & 31) === 0 || (bitmap[length >>> 5] & ~lowBits(length & 31)) === 0;
}

/** @param count - below 32. */
function lowBits(count: number): number {
  return (1 << count) - 1;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function lowestSet(word: number, count: number): number {
  let dropped = word;
  for (let i = 0; i < count; i++) dropped &= dropped - 1;
  return word & ~dropped;
}

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
