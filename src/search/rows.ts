import { SternaError } from '../errors.ts';
import type { CollectionSpace } from '../index/collection/collection.ts';
import type { Metadata } from '../index/metadata/types.ts';
import { unitVector } from '../index/vectors/unit.ts';
import { STEP, stepsOf } from './groups.ts';
import type { IndexCalls } from './index-calls.ts';
import type { SearchDocument } from './index-types.ts';
import { type Indexer, indexed } from './indexer.ts';

/** A passage with its vector, as other databases take it. */
export interface PassageRow<M extends object = Metadata> {
  /** Of the document. */
  id: string;
  /** Number of the passage in its document. */
  passage: number;
  /** UTF-16 range in the document's text. */
  start: number;
  end: number;
  text: string;
  /** The document's text; with its first passage only. */
  document?: string;
  metadata?: M;
  /** `[dimensions]`, as near as the finest codes have it; absent for a document without words. */
  vector?: Float32Array;
}

/** A passage that is taken in. The first one of a document has its text. */
export interface IncomingRow<M extends object = Metadata> {
  readonly id: string;
  readonly start: number;
  readonly end: number;
  readonly document?: string;
  readonly metadata?: M;
  readonly vector?: Float32Array;
}

/** A document with the passages that have come so far. */
interface Gathered<M extends object> {
  readonly document: SearchDocument<M>;
  readonly passages: { readonly start: number; readonly end: number; readonly vector?: Float32Array }[];
}

/** All passages, document by document. */
export async function* rowsOf<M extends object>({ perform }: IndexCalls): AsyncGenerator<PassageRow<M>> {
  for (const ids of stepsOf(await perform({ kind: 'ids' }))) {
    for (const document of await perform({ kind: 'passages', ids })) {
      if (!document) continue;
      const { id, text } = document;
      const metadata = document.metadata as M | undefined;
      if (document.passages.length === 0)
        yield { id, passage: 0, start: 0, end: 0, text: '', document: text, metadata };
      for (const [passage, { start, end, vector }] of document.passages.entries()) {
        const own = passage === 0 ? text : undefined;
        yield { id, passage, start, end, text: text.slice(start, end), document: own, metadata, vector };
      }
    }
  }
}

/**
 * Adds documents that are cut and embedded already.
 *
 * @param space - of the vectors.
 * @param put - adds documents whose passages have no vectors.
 * @throws SternaError `invalid-input`, and as an index does when documents are added.
 */
export async function addRowsTo<M extends object>(
  calls: IndexCalls,
  indexer: Indexer,
  rows: AsyncIterable<IncomingRow<M>>,
  space: CollectionSpace | undefined,
  put: (documents: readonly SearchDocument<M>[]) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  for await (const group of gathered(rows)) {
    const isWhole = ({ passages }: Gathered<M>) => passages.every(({ vector }) => vector);
    const whole = group.filter(isWhole);
    if (whole.length > 0) await addWhole(calls, indexer, whole, space, signal);
    await put(group.filter((one) => !isWhole(one)).map(({ document }) => document));
  }
}

/** Adds documents all of whose passages have vectors. */
async function addWhole<M extends object>(
  calls: IndexCalls,
  indexer: Indexer,
  group: readonly Gathered<M>[],
  space: CollectionSpace | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (!space)
    throw new SternaError(
      'invalid-input',
      'The rows have vectors and no space; needed: the space of the file’s header.',
    );
  const texts = group.map(({ document, passages }) =>
    passages.map(({ start, end }) => document.text.slice(start, end)),
  );
  const terms = await indexer.locatePassages(texts, signal);
  const documents = group.map(({ document, passages }, i) =>
    indexed(
      document,
      passages.map(({ start, end, vector }, j) => {
        return { start, end, vector: unitVector(vector!, vector!.length), terms: terms?.[i][j].terms };
      }),
    ),
  );
  await calls.apply(documents, [], space);
}

/** Rows by their documents, some documents at a time. @throws SternaError `invalid-input` for a row whose document is not the one before. */
async function* gathered<M extends object>(
  rows: AsyncIterable<IncomingRow<M>>,
): AsyncGenerator<readonly Gathered<M>[]> {
  let group: Gathered<M>[] = [];
  for await (const { id, start, end, document, metadata, vector } of rows) {
    if (document !== undefined) {
      if (group.length >= STEP) {
        yield group;
        group = [];
      }
      group.push({ document: { id, text: document, metadata }, passages: [] });
    }
    const last = group.at(-1);
    if (last?.document.id !== id)
      throw new SternaError(
        'invalid-input',
        `A passage of "${id}" does not follow its document's first one.`,
      );
    if (end > start) last.passages.push({ start, end, vector });
  }
  if (group.length > 0) yield group;
}
