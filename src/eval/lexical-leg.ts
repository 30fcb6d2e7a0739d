import { fullScore } from '../index/lexical/full-score.ts';
import { bm25, LexicalHead, type TermTokenizer, termsOf } from '../index/lexical/index.ts';
import { BestRows, type Ranking, type TieOrder } from './ranking.ts';

/** A ranking by words. */
export interface LexicalRanking extends Ranking {
  /** The score of what has all words of the query. */
  readonly full: number;
}

/** Ranks documents by their words: BM25 over the pieces of a tokenizer. */
export class LexicalLeg {
  private readonly postings = new LexicalHead();

  constructor(private readonly tokenizer: TermTokenizer) {}

  /** Appends a document; its row is the number of documents before it. */
  add(text: string): void {
    this.postings.add(termsOf(this.tokenizer, text));
  }

  /**
   * @param depth - most documents of a ranking; fewer have any of the query's terms.
   */
  rank(query: string, depth: number, order: TieOrder): LexicalRanking {
    const terms = termsOf(this.tokenizer, query);
    const parts = [{ postings: this.postings }];
    const { rows, scores } = bm25(parts, terms, { k: depth });
    const best = new BestRows(depth, order);
    for (let i = 0; i < rows.length; i++) best.add(rows[i], scores[i]);
    return { ...best.take(), full: fullScore(parts, terms) };
  }
}
