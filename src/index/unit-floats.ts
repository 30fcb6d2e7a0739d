import { corruptIndex } from './corrupt.ts';

/** Bits of the largest number that a vector of unit length may have, with some room for rounding. */
const MOST_BITS = 0x3f800100;

/**
 * Checks that numbers can belong to vectors of unit length: none of them is larger than 1, or NaN, which would be nearer to every
 * query than anything else.
 *
 * @throws SternaError `corrupt-file`.
 */
export function checkUnitFloats(floats: Float32Array): void {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < words.length; i++) {
    if ((words[i] & 0x7fffffff) > MOST_BITS)
      throw corruptIndex(`number ${i} of its vectors is ${floats[i]}; needed: numbers from −1 to 1`);
  }
}
