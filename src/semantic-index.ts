import { SternaError } from './errors.ts';
import type { CollectionSpace } from './index/collection/collection.ts';
import type { CollectionSettings } from './index/collection/manifest.ts';
import type { Metadata } from './index/metadata/types.ts';
import { checkDocuments, duplicate, hashOf } from './search/check-documents.ts';
import { putInGroups, stepsOf, stepsOfSource } from './search/groups.ts';
import { IndexCalls } from './search/index-calls.ts';
import { exportFiles, importFiles } from './search/index-file.ts';
import type {
  AddOptions,
  PassageEmbedder,
  SearchDocument,
  SearchHit,
  SearchOptions,
  SemanticIndexOptions,
  SyncOptions,
  SyncResult,
} from './search/index-types.ts';
import { Indexer } from './search/indexer.ts';
import { openIndexWorker } from './search/open-index-worker.ts';
import { embedAnew } from './search/reindex.ts';
import { addRowsTo, type IncomingRow, type PassageRow, rowsOf } from './search/rows.ts';
import { searchIndex } from './search/search.ts';
import { changedSettings, type SettingsOptions, settingsOf } from './search/settings.ts';
import type { IndexReport, IndexServiceLink } from './search/work.ts';

/**
 * Documents in, hits out: passages, their vectors and their words, kept in the browser between visits.
 *
 * ```ts
 * const index = await SemanticIndex.open({ embedder, name: 'birds' });
 * await index.add([{ id: 'tern', text: 'The Arctic tern flies from pole to pole.', metadata: { lang: 'en' } }]);
 * const [hit] = await index.search('Welcher Vogel fliegt am weitesten?', { filter: { lang: 'en' } });
 * ```
 *
 * `add`, `update`, `remove` and `sync` settle when what they did would survive a crash. A search during an `add` finds what has been added so far.
 */
export class SemanticIndex<M extends object = Metadata> implements AsyncDisposable {
  private readonly calls: IndexCalls;
  private indexer: Indexer;
  /** Ids of documents on their way in. */
  private readonly pending = new Set<string>();
  /** Settles when a change of collections that {@link reindex} has asked for is done or not. */
  private swapping: Promise<unknown> | undefined;

  protected constructor(service: IndexServiceLink, embedder: PassageEmbedder, settings: CollectionSettings) {
    this.calls = new IndexCalls(service);
    this.indexer = new Indexer(embedder, settings);
  }

  /**
   * Opens the index of a name, or makes it.
   *
   * @throws SternaError `invalid-input`; `corrupt-file` where its files are damaged or of a later version; `storage`, `storage-full`, `worker`. The
   *   signal's reason when it is aborted.
   */
  static async open<M extends object = Metadata>(options: SemanticIndexOptions): Promise<SemanticIndex<M>> {
    const settings = settingsOf(options);
    options.signal?.throwIfAborted();
    const service = await openIndexWorker(options, settings);
    return new SemanticIndex<M>(service, options.embedder, service.report.settings);
  }

  /** How the index is kept and searched, as far as it is known without asking. */
  get report(): IndexReport {
    return this.calls.report;
  }

  /** Number of documents. */
  get size(): number {
    return this.report.documents;
  }

  /** Number of passages; those of removed documents are counted until they are cleared away. */
  get passageCount(): number {
    return this.report.passages;
  }

  /** Id of the {@link EmbeddingSpace} of its vectors, once there are any. */
  get space(): string | undefined {
    return this.report.space?.id;
  }

  async has(id: string): Promise<boolean> {
    const [hash] = await this.calls.perform({ kind: 'hashes', ids: [id] });
    return hash !== undefined;
  }

  async get(id: string): Promise<SearchDocument<M> | undefined> {
    const [document] = await this.calls.perform({ kind: 'get', ids: [id] });
    return document as SearchDocument<M> | undefined;
  }

  /** The ids of all documents. */
  async keys(): Promise<readonly string[]> {
    return this.calls.perform({ kind: 'ids' });
  }

  /**
   * Adds documents. When the promise rejects, those that were done are in and the others are not.
   *
   * @throws SternaError `invalid-input`, `duplicate-id` before anything is done; `space-mismatch` where the embedder is not the one that the index was
   *   made with; `storage-full`, `storage`; whatever the embedder throws.
   */
  async add(
    documents: SearchDocument<M> | readonly SearchDocument<M>[],
    options: AddOptions = {},
  ): Promise<void> {
    const list = isList(documents) ? [...documents] : [documents];
    const ids = checkDocuments(list);
    for (const id of ids) if (this.pending.has(id)) throw duplicate(id);
    for (const id of ids) this.pending.add(id);
    try {
      for (const some of stepsOf(ids)) {
        const hashes = await this.hashes(some, options.signal);
        const there = hashes.findIndex((hash) => hash !== undefined);
        if (there >= 0) throw duplicate(some[there]);
      }
      await this.put(list, options);
    } finally {
      for (const id of ids) this.pending.delete(id);
    }
  }

  /**
   * Adds documents, in place of those with the same ids. Documents that are there as they are, text and metadata, are passed over.
   *
   * @throws SternaError as {@link add}, but for ids that are there.
   */
  async update(
    documents: SearchDocument<M> | readonly SearchDocument<M>[],
    { signal, onProgress }: AddOptions = {},
  ): Promise<void> {
    const list = isList(documents) ? [...documents] : [documents];
    checkDocuments(list);
    let done = 0;
    for (const some of stepsOf(list)) {
      const hashes = await this.hashes(
        some.map(({ id }) => id),
        signal,
      );
      await this.put(
        some.filter((document, i) => hashOf(document) !== hashes[i]),
        { signal },
      );
      done += some.length;
      onProgress?.({ done, total: list.length });
    }
  }

  /** Takes documents out, all or none. @throws SternaError `unknown-id`, `storage`. */
  async remove(ids: string | readonly string[]): Promise<void> {
    const list = typeof ids === 'string' ? [ids] : [...ids];
    const hashes = await this.hashes(list);
    const missing = hashes.indexOf(undefined);
    if (missing >= 0)
      throw new SternaError('unknown-id', `There is no document "${list[missing]}" in the index.`);
    await this.calls.apply([], list);
  }

  /**
   * Brings the index in line with a source: adds what is new, updates what has changed, and removes what the source has no more, at its end. What is done
   * stays done, so after a reload or an abort another call goes on where this one was.
   */
  async sync(
    source: Iterable<SearchDocument<M>> | AsyncIterable<SearchDocument<M>>,
    { signal, onProgress }: SyncOptions = {},
  ): Promise<SyncResult> {
    const seen = new Set<string>();
    const result = { added: 0, updated: 0, unchanged: 0, removed: 0 };
    for await (const group of stepsOfSource(source)) {
      signal?.throwIfAborted();
      const ids = checkDocuments(group);
      for (const id of ids) {
        if (seen.has(id))
          throw new SternaError('duplicate-id', `Two documents of the source have the id "${id}".`);
        seen.add(id);
      }
      const hashes = await this.hashes(ids, signal);
      const changed = group.filter((document, i) => hashOf(document) !== hashes[i]);
      await this.put(changed, { signal });
      const added = group.filter((_, i) => hashes[i] === undefined).length;
      result.added += added;
      result.updated += changed.length - added;
      result.unchanged += group.length - changed.length;
      onProgress?.({ ...result });
    }
    const gone = (await this.keys()).filter((id) => !seen.has(id));
    for (const some of stepsOf(gone)) {
      signal?.throwIfAborted();
      await this.calls.apply([], some);
    }
    result.removed = gone.length;
    onProgress?.({ ...result });
    return result;
  }

  /**
   * Finds the passages that answer best, best first.
   *
   * @throws SternaError `invalid-input` for an empty query, an option or a filter that is none, `space-mismatch`, or as the embedder says.
   */
  async search(query: string, options: SearchOptions<M> = {}): Promise<SearchHit<M>[]> {
    return this.withIndexer((indexer) => searchIndex(this.calls, indexer, query, options));
  }

  /**
   * Embeds all documents anew, for another model or other settings, in the background. Meanwhile the index answers as before, with the embedder that it had; at
   * the end the new vectors take the place of the old ones at once. After a reload, another call goes on where this one was.
   *
   * Documents that are added or removed meanwhile are taken along. Where that does not pause, and little is left to do, changes wait for the last round.
   *
   * @throws SternaError `invalid-input`, `storage-full`, `storage`; the signal's reason when it is aborted; whatever the embedder throws.
   */
  async reindex(options: Partial<SettingsOptions> & AddOptions = {}): Promise<void> {
    const { signal, onProgress } = options;
    const { embedder = this.indexer.embedder } = options;
    const indexer = new Indexer(embedder, changedSettings(this.indexer.settings, options, embedder));
    const swap = (operation: string) => {
      const swapped = this.calls.perform({ kind: 'swap', operation }).then((isDone) => {
        if (isDone) this.indexer = indexer;
        return isDone;
      });
      this.swapping = swapped.catch(() => {});
      return swapped;
    };
    await embedAnew(this.calls, indexer, swap, { signal, onProgress });
  }

  /** Clears away what was removed, and puts all that is kept into one piece. */
  async compact(): Promise<void> {
    await this.calls.perform({ kind: 'compact' });
  }

  /** The index as one file, piece by piece. */
  export(): ReadableStream<Uint8Array> {
    return exportFiles(this.calls.perform);
  }

  /**
   * Takes an export in the place of all that is in the index.
   *
   * @param file - of {@link export}.
   * @throws SternaError `corrupt-file`, `storage-full`, `storage`; `space-mismatch` never: what the embedder makes is compared by the next call that needs it.
   */
  async import(file: ReadableStream<Uint8Array> | Blob | Uint8Array<ArrayBuffer>): Promise<void> {
    await importFiles(file, this.calls.perform);
    this.indexer = new Indexer(this.indexer.embedder, this.report.settings);
  }

  /**
   * Passages with their vectors, for `sterna/exchange`. Vectors are as near as the finest codes have them.
   *
   * ```ts
   * const file = toParquet(index.rows(), { space: index.space!, dimensions: index.report.space!.dimensions });
   * ```
   */
  rows(): AsyncGenerator<PassageRow<M>> {
    return rowsOf(this.calls);
  }

  /**
   * Adds documents that are cut and embedded already, as `sterna/exchange` reads them; those of the same ids are replaced. Rows of a document come together.
   *
   * @param space - of the vectors, from the file's header. Rows without vectors are embedded here.
   */
  async addRows(
    rows: AsyncIterable<IncomingRow<M>>,
    { space, signal }: { space?: CollectionSpace; signal?: AbortSignal } = {},
  ): Promise<void> {
    const put = (documents: readonly SearchDocument<M>[]) => this.put(documents, { signal });
    await addRowsTo(this.calls, this.indexer, rows, space, put, signal);
  }

  /** Ends the index's worker, or this tab's part in it. What was acknowledged is kept. */
  async dispose(): Promise<void> {
    this.calls.dispose();
  }

  /** {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private hashes(ids: readonly string[], signal?: AbortSignal): Promise<readonly (string | undefined)[]> {
    return this.calls.perform({ kind: 'hashes', ids }, signal);
  }

  private put(documents: readonly SearchDocument<M>[], options: AddOptions): Promise<void> {
    const put = (group: readonly SearchDocument<M>[]) =>
      this.withIndexer((indexer) => this.calls.put(group, indexer, options.signal));
    return putInGroups(documents, options, put);
  }

  /** Does work, and does it again with the new vectors where {@link reindex} has put them in place meanwhile. */
  private async withIndexer<T>(work: (indexer: Indexer) => Promise<T>): Promise<T> {
    const { indexer } = this;
    try {
      return await work(indexer);
    } catch (error) {
      const isOfSpace = error instanceof SternaError && error.code === 'space-mismatch';
      if (isOfSpace) await this.swapping;
      if (!isOfSpace || this.indexer === indexer) throw error;
      return this.withIndexer(work);
    }
  }
}

function isList<M extends object>(
  documents: SearchDocument<M> | readonly SearchDocument<M>[],
): documents is readonly SearchDocument<M>[] {
  return Array.isArray(documents);
}
