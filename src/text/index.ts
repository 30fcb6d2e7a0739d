/** The tokenizer alone (`sterna/tokenizer`), without the engine. */
export { type EncodeOptions, type Encoding, Tokenizer } from './tokenizer.ts';
