import { attention } from './attention';
import { Attention, Gate, Linear, Norm, Rotate } from './jobs';
import { gate, linear } from './linear';
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
  }
}
