import { Scan } from './jobs';
import { scan } from './scan';

/**
 * Does one chunk of a job. Each thread keeps candidates of its own, so threads may do chunks at once, in any order.
 *
 * @param job - address of a {@link Scan}.
 * @param scratch - address of memory of this thread alone: sums of a block's rows, and then the best rows, `[queries]`.
 */
export function run(job: usize, chunk: i32, scratch: usize): void {
  scan(changetype<Scan>(job), chunk, scratch);
}

/**
 * What relaxed SIMD makes of codes of `code` times numbers of `factor`, both in all bits of a byte: 4 · 127 · 255 where the second
 * operand may have eight bits without a sign, −4 · 127 where it may have eight with one, and something else where it has seven.
 */
export function probe(code: i32, factor: i32): i32 {
  return ASC_FEATURE_RELAXED_SIMD
    ? i32x4.extract_lane(
        i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(<i8>code), i8x16.splat(<i8>factor), i32x4.splat(0)),
        0,
      )
    : 0;
}
