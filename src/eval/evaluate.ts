import type { TermTokenizer } from '../index/lexical/index.ts';
import type { EmbedOptions } from '../types.ts';
import { type EvalText, type Questions, readCorpus, readQuestions, type SetFolder } from './beir.ts';
import { fuseRankings } from './hybrid-leg.ts';
import { LexicalLeg, type LexicalRanking } from './lexical-leg.ts';
import { type Metrics, measureAll, relevantCount } from './metrics.ts';
import { type Ranking, type TieOrder, tieOrder } from './ranking.ts';
import { type EvalCodes, rankByVectors, VectorTable } from './vector-leg.ts';

/** A way to search: by vectors, by words, or by both. */
export type EvalLeg = 'vector' | 'lexical' | 'hybrid';

/** All of them. */
export const EVAL_LEGS: readonly EvalLeg[] = ['vector', 'lexical', 'hybrid'];

/** What is needed of an embedder; the library's `Embedder` has it. */
export interface EvalEmbedder {
  readonly report: { readonly dimensions: number };
  embedMany(
    texts: AsyncIterable<string>,
    options: Pick<EmbedOptions, 'task' | 'specialTokens'>,
  ): AsyncIterable<{ readonly values: Float32Array }>;
}

/** How to evaluate. */
export interface EvalOptions {
  /** Needed by the legs `vector` and `hybrid`. */
  readonly embedder?: EvalEmbedder;
  /** Needed by the legs `lexical` and `hybrid`. */
  readonly tokenizer?: TermTokenizer;
  readonly legs: readonly EvalLeg[];
  /** Lengths that vectors are cut to, each at most the model's full one. */
  readonly dimensions: readonly number[];
  readonly codes: readonly EvalCodes[];
  /** Numbers of documents that are looked at. */
  readonly cutoffs: readonly number[];
  /** Told of the documents and queries read so far. */
  readonly onProgress?: (progress: { set: string; documents: number; queries: number }) => void;
}

/** The measures of one way to search one set. */
export interface EvalResult {
  readonly leg: EvalLeg;
  /** Of the vectors; absent of the leg `lexical`. */
  readonly dimensions?: number;
  readonly codes?: EvalCodes;
  /** One for each cutoff. */
  readonly metrics: readonly (Metrics & { readonly k: number })[];
}

/** All measures of one set. */
export interface SetResult {
  readonly name: string;
  /** Queries with at least one relevant document. */
  readonly queries: number;
  readonly documents: number;
  /** Relevant documents that the corpus lacks: they count, and cannot be found. */
  readonly missing: number;
  readonly results: readonly EvalResult[];
}

/** Rankings are so many times as deep as the largest cutoff: what fusion and reranking choose from. */
const OVERSAMPLING = 10;

/** Texts between two reports of progress. */
const TOLD_EVERY = 50;

/**
 * Searches a set in all the ways that were asked for. Each document is one vector: it is embedded once, at the model's full length, and cut
 * at its end where it is longer than the model takes; vectors are cut, scaled to unit length, and written as codes after that.
 *
 * @throws UsageError for a set that cannot be read, and whatever the embedder throws.
 */
export async function evaluateSet(set: SetFolder, options: EvalOptions): Promise<SetResult> {
  const { legs, tokenizer, embedder, onProgress } = options;
  const byWords = tokenizer && legs.some((leg) => leg !== 'vector') ? new LexicalLeg(tokenizer) : undefined;
  const byVectors = legs.some((leg) => leg !== 'lexical') ? embedder : undefined;
  const questions = await readQuestions(set);
  const ids: string[] = [];
  let asked = 0;
  const tell = () => {
    const read = ids.length + asked;
    if (read % TOLD_EVERY === 0) onProgress?.({ set: set.name, documents: ids.length, queries: asked });
  };

  async function* corpus() {
    for await (const { id, text } of readCorpus(set)) {
      ids.push(id);
      byWords?.add(text);
      tell();
      yield text;
    }
  }
  async function* queries() {
    for (const { text } of questions.queries) {
      asked++;
      tell();
      yield text;
    }
  }
  const documentVectors = await vectorsOf(corpus(), 'document', byVectors);
  const queryVectors = await vectorsOf(queries(), 'query', byVectors);

  const judge = new Judge(ids, questions, options.cutoffs);
  const words = byWords && questions.queries.map(({ text }) => byWords.rank(text, judge.depth, judge.order));
  const results: EvalResult[] = [];
  if (words && legs.includes('lexical')) results.push({ leg: 'lexical', metrics: judge.measure(words) });
  if (queryVectors && documentVectors)
    results.push(...searchVectors(queryVectors, documentVectors, words, judge, options));
  return {
    name: set.name,
    queries: questions.queries.length,
    documents: ids.length,
    missing: judge.missing(),
    results,
  };
}

/** Reads all texts, also where there is no embedder. */
async function vectorsOf(
  texts: AsyncGenerator<string>,
  task: 'query' | 'document',
  embedder: EvalEmbedder | undefined,
): Promise<VectorTable | undefined> {
  if (!embedder) {
    for await (const _ of texts);
    return undefined;
  }
  const table = new VectorTable(embedder.report.dimensions);
  for await (const { values } of embedder.embedMany(texts, { task, specialTokens: 'text' }))
    table.push(values);
  return table;
}

/** All combinations of lengths and codes. */
function* searchVectors(
  queries: VectorTable,
  documents: VectorTable,
  words: readonly LexicalRanking[] | undefined,
  judge: Judge,
  { legs, dimensions, codes }: EvalOptions,
): Generator<EvalResult> {
  const { depth, order } = judge;
  for (const length of dimensions) {
    const [shortQueries, shortDocuments] = [queries.cut(length), documents.cut(length)];
    for (const kind of codes) {
      const rankings = rankByVectors(shortQueries, shortDocuments, { codes: kind, depth, order });
      const how = { dimensions: length, codes: kind };
      if (legs.includes('vector')) yield { leg: 'vector', ...how, metrics: judge.measure(rankings) };
      if (!words || !legs.includes('hybrid')) continue;
      const fused = rankings.map((ranking, i) => fuseRankings(ranking, words[i], depth, order));
      yield { leg: 'hybrid', ...how, metrics: judge.measure(fused) };
    }
  }
}

/** Knows what is relevant in a set. */
class Judge {
  readonly order: TieOrder;
  /** Of rankings. */
  readonly depth: number;

  constructor(
    private readonly ids: readonly string[],
    private readonly questions: Questions,
    private readonly cutoffs: readonly number[],
  ) {
    this.order = tieOrder(ids);
    this.depth = OVERSAMPLING * Math.max(...cutoffs);
  }

  /** @param rankings - one a query. */
  measure(rankings: readonly Ranking[]): EvalResult['metrics'] {
    const { ids, questions, cutoffs } = this;
    const ranked = new Map(questions.queries.map((query, i) => [query.id, idsOf(rankings[i], query, ids)]));
    return cutoffs.map((k) => ({ k, ...measureAll(ranked, questions.judgements, k) }));
  }

  missing(): number {
    const known = new Set(this.ids);
    let missing = 0;
    for (const judged of this.questions.judgements.values()) {
      missing += relevantCount(new Map([...judged].filter(([id]) => !known.has(id))));
    }
    return missing;
  }
}

/** Without a document that has the query's own id: as in BEIR, where some queries are documents themselves. */
function idsOf({ rows }: Ranking, query: EvalText, ids: readonly string[]): string[] {
  return Array.from(rows, (row) => ids[row]).filter((id) => id !== query.id);
}
