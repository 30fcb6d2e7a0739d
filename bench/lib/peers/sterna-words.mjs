/** Our ranking by words: BM25 over the pieces of nano's tokenizer, as segments keep it. */
import { readFileSync } from 'node:fs';
import { source } from './source.mjs';

const { bm25, buildLexical, LexicalSection, termsOf } = await source('lexical');
const { Tokenizer } = await source('tokenizer');

export default () => {
  const tokenizer = Tokenizer.fromJSON(
    readFileSync(new URL('../../../models/nano/tokenizer.json', import.meta.url)),
  );
  return {
    build: (texts) => buildLexical(texts.map((text) => termsOf(tokenizer, text))),
    toBytes: (bytes) => bytes,
    open: (bytes) => LexicalSection.from(bytes),
    search: (postings, query, k) => Array.from(bm25([{ postings }], termsOf(tokenizer, query), { k }).rows),
  };
};
