import { attention } from './attention';
import { Attention, Gate, Linear, LinearQ8, Norm, Quantise, Rotate } from './jobs';
import { gate, linear } from './linear';
import { linearQ8, quantise } from './linear-q8';
import { norm } from './norm';
import { rotate } from './rotate';

/**
 * Does one chunk of a job. Chunks of a job write to different places, so threads may do them at once, in any order.
 *
 * @param job - address of its words; the first one says what it is.
 * @param scratch - address of memory that this thread alone uses meanwhile.
 */
export function run(job: usize, chunk: i32, scratch: usize): void {
  switch (load<i32>(job)) {
    case 0:
      linear(changetype<Linear>(job), chunk, scratch);
      break;
    case 1:
      gate(changetype<Gate>(job), chunk);
      break;
    case 2:
      norm(changetype<Norm>(job), chunk);
      break;
    case 3:
      rotate(changetype<Rotate>(job), chunk);
      break;
    case 4:
      attention(changetype<Attention>(job), chunk, scratch);
      break;
    case 5:
      quantise(changetype<Quantise>(job), chunk);
      break;
    case 6:
      linearQ8(changetype<LinearQ8>(job), chunk, scratch);
      break;
  }
}

/**
 * What relaxed SIMD makes of codes of `weight` times features of `feature`, both in all bits of a byte: 4 · 127 · 255 where
 * features may have eight bits without a sign, −4 · 127 where they may have eight with one, and something else where they have seven.
 */
export function probe(weight: i32, feature: i32): i32 {
  return ASC_FEATURE_RELAXED_SIMD
    ? i32x4.extract_lane(
        i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(<i8>weight), i8x16.splat(<i8>feature), i32x4.splat(0)),
        0,
      )
    : 0;
}
