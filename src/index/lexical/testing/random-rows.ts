import fc from 'fast-check';

/** A few terms of every kind, so that rows share some. */
export const term = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.constantFrom(250_001, 2 ** 30 + 0x1f44d, 2 ** 31, 2 ** 31 + 5, 2 ** 32 - 1),
);

/** The terms of a row, or of a query. */
export const terms = fc.array(term, { maxLength: 30 }).map((all) => Uint32Array.from(all));

/** Rows, some of them empty. */
export const rows = fc.array(terms, { maxLength: 70 });

/** As many bits as there are rows, set where a row is kept, as the words of a mask. */
export function maskOf(bits: readonly boolean[]): Uint32Array {
  const mask = new Uint32Array(Math.ceil(bits.length / 32));
  for (const [row, bit] of bits.entries()) if (bit) mask[row >> 5] |= 1 << (row & 31);
  return mask;
}

/** Rows that come of a seed, with a few frequent terms and many rare ones; for what needs many of them. */
export function seededRows(count: number, seed = 1): Uint32Array[] {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
  return Array.from({ length: count }, () =>
    Uint32Array.from({ length: 5 + Math.floor(random() * 40) }, () => Math.floor(5000 ** random()) - 1),
  );
}
