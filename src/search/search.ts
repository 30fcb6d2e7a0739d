import { SternaError } from '../errors.ts';
import type { CollectionSettings } from '../index/collection/manifest.ts';
import type { CollectionHit, Fusion } from '../index/collection/query.ts';
import { highlight } from '../index/lexical/highlight.ts';
import { compileFilter } from '../index/metadata/filter.ts';
import type { IndexCalls } from './index-calls.ts';
import type { SearchDocument, SearchHit, SearchOptions } from './index-types.ts';
import type { Indexer } from './indexer.ts';
import { checkWholeNumbers } from './whole-numbers.ts';
import type { WorkOf } from './work.ts';

const FUSIONS: readonly Fusion[] = ['score', 'rank'];
const DEFAULT_K = 10;

/**
 * Finds the passages that answer best, best first.
 *
 * @throws SternaError `invalid-input`, `space-mismatch`, or as the embedder says.
 */
export async function searchIndex<M extends object>(
  calls: IndexCalls,
  indexer: Indexer,
  query: string,
  options: SearchOptions<M>,
): Promise<SearchHit<M>[]> {
  checkQuery(query, options);
  const { k = DEFAULT_K, filter, minScore, perDocument = 1, fusion, exact, signal } = options;
  const weights = weightsOf(options.mode, indexer.settings);
  const [embedded, words] = await Promise.all([
    weights.vector > 0 ? indexer.query(query, signal) : undefined,
    weights.lexical > 0 ? indexer.locate([query], signal) : undefined,
  ]);
  const terms = words?.[0].terms;
  const [conditions, accept] = typeof filter === 'function' ? [undefined, filter] : [filter, undefined];
  const asked = { vector: embedded?.vector, terms, perDocument, minScore, exact, weights, fusion };
  const work: WorkOf<'search'> = {
    kind: 'search',
    query: { ...asked, filter: conditions, k },
    space: embedded?.space,
  };
  const found = await find(calls, work, accept, signal);
  return hitsOf<M>(indexer, found, terms, signal);
}

/** @throws SternaError `invalid-input`. */
function checkQuery<M extends object>(query: string, options: SearchOptions<M>): void {
  const { k = DEFAULT_K, filter, minScore, perDocument = 1, fusion = 'score' } = options;
  if (typeof query !== 'string' || query.trim() === '')
    throw new SternaError('invalid-input', 'The query is empty; needed: a text.');
  checkWholeNumbers({ k, perDocument });
  if (minScore !== undefined && Number.isNaN(minScore))
    throw new SternaError('invalid-input', 'minScore is NaN; needed: a number.');
  if (!FUSIONS.includes(fusion))
    throw new SternaError('invalid-input', `fusion is ${JSON.stringify(fusion)}; needed: "score" or "rank".`);
  if (filter && typeof filter !== 'function') compileFilter(filter);
}

/** How much vectors and words count. @throws SternaError `invalid-input`. */
function weightsOf(mode: SearchOptions['mode'], { lexical }: CollectionSettings) {
  const weights =
    mode === undefined || mode === 'vector'
      ? { vector: 1, lexical: 0 }
      : mode === 'lexical'
        ? { vector: 0, lexical: 1 }
        : mode === 'hybrid'
          ? { vector: 1, lexical: 1 }
          : { vector: mode.vector ?? 0, lexical: mode.lexical ?? 0 };
  const isFine = Object.values(weights).every((weight) => weight >= 0 && Number.isFinite(weight));
  if (!isFine || weights.vector + weights.lexical === 0) {
    throw new SternaError(
      'invalid-input',
      `mode is ${JSON.stringify(mode)}; needed: "vector", "lexical", "hybrid", or weights of at least 0, not all of them 0.`,
    );
  }
  if (weights.lexical > 0 && !lexical)
    throw new SternaError(
      'invalid-input',
      'The index was made with `lexical: false`; search by vector, or reindex().',
    );
  return weights;
}

/** The hits that a filter function accepts, asking for more until there are enough. */
async function find<M extends object>(
  calls: IndexCalls,
  work: WorkOf<'search'>,
  accept: ((document: SearchDocument<M>) => boolean) | undefined,
  signal?: AbortSignal,
): Promise<readonly CollectionHit[]> {
  const { query } = work;
  const { k } = query;
  if (!accept) return calls.perform(work, signal);
  for (let asked = 4 * k; ; asked *= 4) {
    const hits = await calls.perform({ ...work, query: { ...query, k: asked } }, signal);
    const accepted = hits.filter(({ id, text, metadata }) => accept({ id, text, metadata: metadata as M }));
    if (accepted.length >= k || hits.length < asked) return accepted.slice(0, k);
  }
}

async function hitsOf<M extends object>(
  indexer: Indexer,
  found: readonly CollectionHit[],
  terms: Uint32Array | undefined,
  signal?: AbortSignal,
): Promise<SearchHit<M>[]> {
  const passages = found.map(({ text, start, end }) => text.slice(start, end));
  const located = terms && (await indexer.locate(passages, signal));
  return found.map(({ id, text, metadata, start, end, score, scores }, i) => ({
    id,
    score,
    scores,
    passage: passages[i],
    start,
    end,
    highlights: located ? highlight(located[i], terms) : [],
    document: { id, text, metadata: metadata as M | undefined },
  }));
}
