/** Bits of a float32 below those of a factor, and those of the least factor: see row-factor.ts. */
const DROPPED_BITS: i32 = 18;
const LEAST_BITS: i32 = 121 << 23;

/**
 * Four factors of a byte each, as floats. Behind the last row of a block there may be fewer: what is read then is of rows that are not there, and
 * within the block's memory, which is given out in multiples of 64 bytes.
 */
// @ts-ignore: decorator
@inline
export function factorsOf(at: usize): v128 {
  const bytes = v128.load32_zero(at);
  const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
  return i32x4.add(i32x4.shl(words, DROPPED_BITS), i32x4.splat(LEAST_BITS));
}
