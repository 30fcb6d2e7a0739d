/**
 * Positive numbers of a byte: three bits of exponent and five of mantissa, from 2⁻⁶ to just below 4, each at most 1/32 above the one
 * before. They are the upper bits of a float32, less a constant, so that kernels turn four of them at once.
 */

/** Bits of a float32 below those that are kept. */
export const DROPPED_BITS = 18;
/** Bits of 2⁻⁶, the least of them. */
export const LEAST_BITS = 121 << 23;

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The number of a byte. */
export function factorOf(byte: number): number {
  word[0] = LEAST_BITS + (byte << DROPPED_BITS);
  return float[0];
}

/** The byte of the least factor that is not below a number; of the largest, where there is none. */
export function factorAbove(x: number): number {
  return byteOf(x, (1 << DROPPED_BITS) - 1);
}

/** The byte of the factor that is nearest to a number. */
export function nearestFactor(x: number): number {
  return byteOf(x, 1 << (DROPPED_BITS - 1));
}

/** @param raised - what is added to the bits before they are dropped. */
function byteOf(x: number, raised: number): number {
  float[0] = x;
  const byte = (word[0] - LEAST_BITS + raised) >> DROPPED_BITS;
  return byte < 0 ? 0 : byte > 255 ? 255 : byte;
}
