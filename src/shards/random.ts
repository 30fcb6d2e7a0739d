/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` different whole numbers below `length`, ascending; all of them where there are no more. */
export function randomRows(length: number, count: number, random: () => number): Uint32Array {
  const rows = new Uint32Array(Math.min(length, count));
  // Each number is taken with the chance that is left for it (selection sampling).
  for (let row = 0, taken = 0; taken < rows.length; row++) {
    if ((length - row) * random() < rows.length - taken) rows[taken++] = row;
  }
  return rows;
}
