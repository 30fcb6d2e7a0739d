/**
 * Several texts in one batch, end to end, with no padding between them: text `i` is the rows
 * `starts[i]` … `starts[i + 1]` of every activation.
 */
export interface PackedBatch {
  /** `[tokens]` token ids. */
  readonly ids: Uint32Array;
  /** `[texts + 1]` first row of each text, then the number of tokens. */
  readonly starts: Uint32Array;
}

/** Puts token id sequences end to end. */
export function pack(sequences: readonly Uint32Array[]): PackedBatch {
  const starts = new Uint32Array(sequences.length + 1);
  for (const [i, sequence] of sequences.entries()) starts[i + 1] = starts[i] + sequence.length;
  const ids = new Uint32Array(starts[sequences.length]);
  for (const [i, sequence] of sequences.entries()) ids.set(sequence, starts[i]);
  return { ids, starts };
}
