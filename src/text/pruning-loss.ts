import type { Encoding, Tokenizer } from './tokenizer.ts';

/** What a pruned tokenizer does to texts that it was not made for. */
export interface PruningLoss {
  /** Tokens of the original vocabulary. */
  readonly pieces: number;
  readonly keptPieces: number;
  readonly texts: number;
  /** Share of the texts that have the same tokens as before, from 0 to 1. */
  readonly sameTexts: number;
  /** Tokens of all texts by the original. */
  readonly tokens: number;
  /** Tokens of all texts by the pruned one. */
  readonly prunedTokens: number;
  /** Unknown tokens of the pruned one where the original has none. */
  readonly unknown: number;
}

/**
 * Compares a pruned tokenizer with its original.
 *
 * @param kept - `[tokens]` the original's id of each id of the pruned one, as `pruneTokenizer` gives it.
 * @param texts - others than those it was made with.
 */
export function pruningLoss(
  original: Tokenizer,
  pruned: Tokenizer,
  kept: Uint32Array,
  texts: Iterable<string>,
): PruningLoss {
  let [count, same, tokens, prunedTokens, unknown] = [0, 0, 0, 0, 0];
  for (const text of texts) {
    const before = original.encode(text);
    const after = pruned.encode(text);
    count++;
    if (isSame(before.ids, after.ids, kept)) same++;
    tokens += before.ids.length;
    prunedTokens += after.ids.length;
    const known = new Set(unknownRanges(before, original.unknownId));
    for (const range of unknownRanges(after, pruned.unknownId)) if (!known.has(range)) unknown++;
  }
  return {
    pieces: original.vocabularySize,
    keptPieces: kept.length,
    texts: count,
    sameTexts: count > 0 ? same / count : 1,
    tokens,
    prunedTokens,
    unknown,
  };
}

function isSame(before: Uint32Array, after: Uint32Array, kept: Uint32Array): boolean {
  return before.length === after.length && after.every((id, i) => kept[id] === before[i]);
}

function unknownRanges({ ids, offsets }: Encoding, unknownId: number): string[] {
  const ranges: string[] = [];
  for (const [i, id] of ids.entries())
    if (id === unknownId) ranges.push(`${offsets[2 * i]} ${offsets[2 * i + 1]}`);
  return ranges;
}
