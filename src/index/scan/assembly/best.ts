/**
 * The best rows of a query so far: a count, and a binary heap of keys with the worst on top.
 *
 *     0  i32  count
 *     8  u64  [candidates] keys
 *
 * A key has the score in its upper half, with its sign bit turned so that it compares without a sign, and the complement of the row's
 * number in its lower half: of equal scores the earlier row has the larger key.
 */
// @ts-ignore: decorator
@inline
export function bestBytes(candidates: i32): usize {
  return 8 + ((<usize>candidates) << 3);
}

// @ts-ignore: decorator
@inline
function keyAt(best: usize, at: i32): usize {
  return best + 8 + ((<usize>at) << 3);
}

/** What a score must exceed to get in. Rows come in their order, so a later row of the same score is worse than all that are kept. */
// @ts-ignore: decorator
@inline
export function threshold(best: usize, candidates: i32): i32 {
  return load<i32>(best) < candidates ? i32.MIN_VALUE : <i32>(load<u64>(best, 8) >> 32) ^ i32.MIN_VALUE;
}

/** Keeps a row that exceeds the threshold. */
export function keep(best: usize, candidates: i32, score: i32, row: u32): void {
  const key = ((<u64>(<u32>(score ^ i32.MIN_VALUE))) << 32) | (<u64>~row);
  const count = load<i32>(best);
  if (count < candidates) {
    store<i32>(best, count + 1);
    rise(best, count, key);
  } else {
    sink(best, count, key);
  }
}

function rise(best: usize, start: i32, key: u64): void {
  let at = start;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = load<u64>(keyAt(best, parent));
    if (above <= key) break;
    store<u64>(keyAt(best, at), above);
    at = parent;
  }
  store<u64>(keyAt(best, at), key);
}

function sink(best: usize, count: i32, key: u64): void {
  let at = 0;
  while (true) {
    let child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && load<u64>(keyAt(best, child + 1)) < load<u64>(keyAt(best, child))) child++;
    const below = load<u64>(keyAt(best, child));
    if (below >= key) break;
    store<u64>(keyAt(best, at), below);
    at = child;
  }
  store<u64>(keyAt(best, at), key);
}
