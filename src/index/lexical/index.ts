/** Ranking by the words of texts: terms, their postings, BM25. */
export { type Bm25Options, bm25, type LexicalPart } from './bm25.ts';
export { LexicalHead } from './head.ts';
export { highlight } from './highlight.ts';
export { lexicalText } from './lexical-text.ts';
export { buildLexical, mergeLexical } from './merge.ts';
export type { PostingList, Postings } from './postings.ts';
export { LexicalSection, type SectionReader } from './section.ts';
export { type LocatedTerms, locateTerms, type TermTokenizer, termsOf } from './terms.ts';
export type { RankedRows } from './top-rows.ts';
