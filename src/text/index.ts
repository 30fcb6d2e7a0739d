/** The tokenizer alone (`sterna/tokenizer`), without the engine. */
export { tokenizerFromBytes, tokenizerToBytes } from './artifact.ts';
export { type PrunedTokenizer, type PruneOptions, pruneTokenizer } from './prune.ts';
export { type PruningLoss, pruningLoss } from './pruning-loss.ts';
export { type EncodeOptions, type Encoding, Tokenizer } from './tokenizer.ts';
