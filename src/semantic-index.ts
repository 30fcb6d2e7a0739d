import { SternaError } from './errors.ts';
import type { IndexedDocument, IndexedPassage } from './index/collection/changes.ts';
import type { CollectionSpace } from './index/collection/collection.ts';
import { contentHash } from './index/collection/content-hash.ts';
import type { CollectionSettings } from './index/collection/manifest.ts';
import type { CollectionHit, CollectionQuery } from './index/collection/query.ts';
import { highlight } from './index/lexical/highlight.ts';
import { lexicalText } from './index/lexical/lexical-text.ts';
import { type LocatedTerms, locateTerms } from './index/lexical/terms.ts';
import { metadataToJson } from './index/metadata/codec.ts';
import { compileFilter } from './index/metadata/filter.ts';
import type { Metadata } from './index/metadata/types.ts';
import { CODE_KINDS } from './index/vectors/code-layout.ts';
import { unitVector } from './index/vectors/unit.ts';
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
import { openIndexWorker } from './search/open-index-worker.ts';
import type { IndexProducts, IndexReport, IndexServiceLink, IndexWork, Slot } from './search/work.ts';

const DEFAULT_PASSAGE_TOKENS = 128;

/** Documents are added in groups of about this many UTF-16 units, and at most so many: what is done can be found while the rest is under way. */
const GROUP_UNITS = 16_000;
const GROUP_DOCUMENTS = 512;
/** Documents that are compared with a source, or read for an export, at a time. */
const STEP = 256;

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
  /** Ids of documents on their way in. */
  private readonly pending = new Set<string>();
  private operations = 0;
  private readonly name = randomName();

  protected constructor(
    private readonly service: IndexServiceLink,
    private embedder: PassageEmbedder,
    private settings: CollectionSettings,
  ) {}

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
    return this.service.report;
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
    const [hash] = await this.perform({ kind: 'hashes', ids: [id] });
    return hash !== undefined;
  }

  async get(id: string): Promise<SearchDocument<M> | undefined> {
    const [document] = await this.perform({ kind: 'get', ids: [id] });
    return document as SearchDocument<M> | undefined;
  }

  /** The ids of all documents. */
  async keys(): Promise<readonly string[]> {
    return this.perform({ kind: 'ids' });
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
      for (let at = 0; at < ids.length; at += STEP) {
        const some = ids.slice(at, at + STEP);
        const hashes = await this.perform({ kind: 'hashes', ids: some }, options.signal);
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
    for (let at = 0; at < list.length; at += STEP) {
      const some = list.slice(at, at + STEP);
      const hashes = await this.perform({ kind: 'hashes', ids: some.map(({ id }) => id) }, signal);
      await this.put(
        some.filter((document, i) => hashOf(document) !== hashes[i]),
        { signal },
      );
      onProgress?.({ done: Math.min(at + STEP, list.length), total: list.length });
    }
  }

  /** Takes documents out, all or none. @throws SternaError `unknown-id`, `storage`. */
  async remove(ids: string | readonly string[]): Promise<void> {
    const list = typeof ids === 'string' ? [ids] : [...ids];
    const hashes = await this.perform({ kind: 'hashes', ids: list });
    const missing = hashes.indexOf(undefined);
    if (missing >= 0)
      throw new SternaError('unknown-id', `There is no document "${list[missing]}" in the index.`);
    await this.apply([], list);
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
    for await (const group of stepsOf(source)) {
      signal?.throwIfAborted();
      const ids = checkDocuments(group);
      for (const id of ids) {
        if (seen.has(id))
          throw new SternaError('duplicate-id', `Two documents of the source have the id "${id}".`);
        seen.add(id);
      }
      const hashes = await this.perform({ kind: 'hashes', ids }, signal);
      const changed = group.filter((document, i) => hashOf(document) !== hashes[i]);
      await this.put(changed, { signal });
      const added = group.filter((_, i) => hashes[i] === undefined).length;
      result.added += added;
      result.updated += changed.length - added;
      result.unchanged += group.length - changed.length;
      onProgress?.({ ...result });
    }
    const gone = (await this.keys()).filter((id) => !seen.has(id));
    for (let at = 0; at < gone.length; at += STEP) {
      signal?.throwIfAborted();
      await this.apply([], gone.slice(at, at + STEP));
    }
    result.removed = gone.length;
    onProgress?.({ ...result });
    return result;
  }

  /**
   * Finds the passages that answer best, best first.
   *
   * @throws SternaError `invalid-input` for an empty query or a filter that is none, `space-mismatch`, or as the embedder says.
   */
  async search(query: string, options: SearchOptions<M> = {}): Promise<SearchHit<M>[]> {
    const { k = 10, filter, minScore, perDocument = 1, exact, signal } = options;
    if (typeof query !== 'string' || query.trim() === '')
      throw new SternaError('invalid-input', 'The query is empty; needed: a text.');
    wholeNumbers({ k, perDocument });
    if (minScore !== undefined && Number.isNaN(minScore))
      throw new SternaError('invalid-input', 'minScore is NaN; needed: a number.');
    if (filter && typeof filter !== 'function') compileFilter(filter);
    const { vector: vectorWeight, lexical: lexicalWeight } = weightsOf(options.mode, this.settings);
    const [vector, words] = await Promise.all([
      vectorWeight > 0 ? this.queryVector(query, signal) : undefined,
      lexicalWeight > 0 ? this.locate([query], signal) : undefined,
    ]);
    const asked: Omit<CollectionQuery, 'k'> = {
      vector,
      terms: words?.[0].terms,
      perDocument,
      minScore,
      exact,
      filter: typeof filter === 'function' ? undefined : filter,
      weights: { vector: vectorWeight, lexical: lexicalWeight },
    };
    const found = await this.found(asked, k, typeof filter === 'function' ? filter : undefined, signal);
    return this.hitsOf(found, words?.[0].terms, signal);
  }

  /**
   * Embeds all documents anew, for another model or other settings, in the background. Meanwhile the index answers as before, with the embedder that it had; at
   * the end the new vectors take the place of the old ones at once. After a reload, another call goes on where this one was.
   *
   * Documents that are added or removed meanwhile are taken along.
   */
  async reindex(
    options: Partial<
      Pick<SemanticIndexOptions, 'embedder' | 'dimensions' | 'passageTokens' | 'codes' | 'rerank' | 'lexical'>
    > &
      AddOptions = {},
  ): Promise<void> {
    const { signal, onProgress } = options;
    const embedder = options.embedder ?? this.embedder;
    const settings = settingsOf({ ...this.settings, ...definedOnly(options), embedder });
    const next = new SemanticIndex<M>(this.service, embedder, settings);
    await next.startSuccessor(signal);
    for (;;) {
      const missing = await next.missing(signal);
      const isEqual = missing.put.length === 0 && missing.remove.length === 0;
      signal?.throwIfAborted();
      // It is not swapped when another call has changed documents meanwhile.
      if (isEqual && (await this.perform({ kind: 'swap-if-same' }))) break;
      let done = 0;
      const total = missing.put.length;
      for (let at = 0; at < total; at += STEP) {
        const some = await this.perform({ kind: 'get', ids: missing.put.slice(at, at + STEP) }, signal);
        const documents = some.filter((document) => document !== undefined) as SearchDocument<M>[];
        await next.put(documents, { signal }, 'next');
        done += some.length;
        onProgress?.({ done, total });
      }
      if (missing.remove.length > 0) await next.apply([], missing.remove, undefined, 'next');
    }
    this.embedder = embedder;
    this.settings = settings;
  }

  /** Clears away what was removed, and puts all that is kept into one piece. */
  async compact(): Promise<void> {
    await this.perform({ kind: 'compact' });
  }

  /** The index as one file, piece by piece. */
  export(): ReadableStream<Uint8Array> {
    return exportFiles((work) => this.perform(work));
  }

  /**
   * Takes an export in the place of all that is in the index.
   *
   * @param file - of {@link export}.
   * @throws SternaError `corrupt-file`, `space-mismatch` never: what the embedder makes is compared by the next call that needs it.
   */
  async import(file: ReadableStream<Uint8Array> | Blob | Uint8Array<ArrayBuffer>): Promise<void> {
    await importFiles(file, (work) => this.perform(work));
    this.settings = this.report.settings;
  }

  /**
   * Passages with their vectors, for `sterna/exchange`. Vectors are as near as the finest codes have them.
   *
   * ```ts
   * const file = toParquet(index.rows(), { space: index.space!, dimensions: index.report.space!.dimensions });
   * ```
   */
  async *rows(): AsyncGenerator<{
    id: string;
    passage: number;
    start: number;
    end: number;
    text: string;
    document?: string;
    metadata?: M;
    vector?: Float32Array;
  }> {
    const ids = await this.keys();
    for (let at = 0; at < ids.length; at += STEP) {
      const documents = await this.perform({ kind: 'passages', ids: ids.slice(at, at + STEP) });
      for (const document of documents) {
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
   * Adds documents that are cut and embedded already, as `sterna/exchange` reads them; those of the same ids are replaced. Rows of a document come together.
   *
   * @param space - of the vectors, from the file's header. Rows without vectors are embedded here.
   */
  async addRows(
    rows: AsyncIterable<{
      readonly id: string;
      readonly start: number;
      readonly end: number;
      readonly document?: string;
      readonly metadata?: M;
      readonly vector?: Float32Array;
    }>,
    { space, signal }: { space?: CollectionSpace; signal?: AbortSignal } = {},
  ): Promise<void> {
    let group: {
      document: SearchDocument<M>;
      passages: { start: number; end: number; vector?: Float32Array }[];
    }[] = [];
    const flush = async () => {
      const whole = group.filter(({ passages }) => passages.every(({ vector }) => vector));
      const bare = group.filter((one) => !whole.includes(one)).map(({ document }) => document);
      if (whole.length > 0) {
        if (!space)
          throw new SternaError(
            'invalid-input',
            'The rows have vectors and no space; needed: the space of the file’s header.',
          );
        const terms = await this.locatePassages(
          whole.map(({ document, passages }) =>
            passages.map(({ start, end }) => document.text.slice(start, end)),
          ),
          signal,
        );
        const documents = whole.map(
          ({ document, passages }, i): IndexedDocument => ({
            ...document,
            metadata: document.metadata as Metadata | undefined,
            hash: hashOf(document),
            passages: passages.map(({ start, end, vector }, j) => ({
              start,
              end,
              vector: unitVector(vector!, vector!.length),
              terms: terms?.[i][j].terms,
            })),
          }),
        );
        await this.apply(documents, [], space);
      }
      await this.put(bare, { signal });
      group = [];
    };
    for await (const { id, start, end, document, metadata, vector } of rows) {
      if (document !== undefined) {
        if (group.length >= STEP) await flush();
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
    await flush();
  }

  /** Ends the index's worker, or this tab's part in it. What was acknowledged is kept. */
  async dispose(): Promise<void> {
    this.service.dispose();
  }

  /** {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private async perform<K extends IndexWork['kind']>(
    work: Extract<IndexWork, { kind: K }>,
    signal?: AbortSignal,
  ): Promise<IndexProducts[K]> {
    return (await this.service.perform(work, signal)) as IndexProducts[K];
  }

  /** Cuts, embeds and puts in, group by group. */
  private async put(
    documents: readonly SearchDocument<M>[],
    { signal, onProgress }: AddOptions,
    slot?: Slot,
  ): Promise<void> {
    const total = documents.length;
    for (let done = 0; done < total; ) {
      const group = nextGroup(documents, done);
      signal?.throwIfAborted();
      const { indexed, space } = await this.prepared(group, signal);
      await this.apply(indexed, [], space, slot);
      done += group.length;
      onProgress?.({ done, total });
    }
  }

  private async prepared(
    group: readonly SearchDocument<M>[],
    signal?: AbortSignal,
  ): Promise<{ indexed: IndexedDocument[]; space: CollectionSpace }> {
    const { passageTokens, dimensions, lexical } = this.settings;
    const texts = group.map(({ text }) => text);
    const passages = await this.embedder.chunk(texts, { maxTokens: passageTokens, signal });
    // Documents are other people's words: `</s>` in one is three characters.
    const [{ embeddings, space }, terms] = await Promise.all([
      this.embedder.embed(
        passages.flat().map(({ text }) => text),
        { task: 'document', dimensions, specialTokens: 'text', priority: 'background', signal },
      ),
      lexical
        ? this.locatePassages(
            passages.map((all) => all.map(({ text }) => text)),
            signal,
          )
        : undefined,
    ]);
    let row = 0;
    const indexed = group.map((document, i): IndexedDocument => {
      const own = passages[i].map(({ start, end }, j): IndexedPassage => {
        return { start, end, vector: embeddings[row++].values, terms: terms?.[i][j].terms };
      });
      const { id, text, metadata } = document;
      return { id, text, metadata: metadata as Metadata | undefined, hash: hashOf(document), passages: own };
    });
    return { indexed, space: { id: space.id, dimensions: space.dimensions } };
  }

  private async apply(
    put: readonly IndexedDocument[],
    remove: readonly string[],
    space?: CollectionSpace,
    slot?: Slot,
  ): Promise<void> {
    const operation = `${this.name} ${++this.operations}`;
    await this.perform({ kind: 'apply', batch: { operation, put, remove }, space, slot });
  }

  private async queryVector(query: string, signal?: AbortSignal): Promise<Float32Array> {
    const { embeddings, space } = await this.embedder.embed([query], {
      task: 'query',
      dimensions: this.settings.dimensions,
      specialTokens: 'text',
      signal,
    });
    const { space: own } = this.report;
    if (own && own.id !== space.id) {
      throw new SternaError(
        'space-mismatch',
        `The index has vectors of ${own.id} and the embedder makes ${space.id}; they cannot be compared. Call reindex() with the new embedder, or open the index with the old one.`,
      );
    }
    return embeddings[0].values;
  }

  /** The hits that a filter function accepts, asking for more until there are enough. */
  private async found(
    query: Omit<CollectionQuery, 'k'>,
    k: number,
    accept: ((document: SearchDocument<M>) => boolean) | undefined,
    signal?: AbortSignal,
  ): Promise<readonly CollectionHit[]> {
    for (let asked = accept ? 4 * k : k; ; asked *= 4) {
      const hits = await this.perform({ kind: 'search', query: { ...query, k: asked } }, signal);
      const accepted = accept
        ? hits.filter(({ id, text, metadata }) => accept({ id, text, metadata: metadata as M }))
        : hits;
      if (accepted.length >= k || hits.length < asked) return accepted.slice(0, k);
    }
  }

  private async hitsOf(
    found: readonly CollectionHit[],
    terms: Uint32Array | undefined,
    signal?: AbortSignal,
  ): Promise<SearchHit<M>[]> {
    const passages = found.map(({ text, start, end }) => text.slice(start, end));
    const located = terms && (await this.locate(passages, signal));
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

  /** The terms of texts, by the embedder's tokenizer. */
  private async locate(texts: readonly string[], signal?: AbortSignal): Promise<LocatedTerms[]> {
    if (!this.embedder.tokenize) {
      throw new SternaError(
        'invalid-input',
        'The embedder has no `tokenize`, so there are no words to search; search by vector.',
      );
    }
    const tokenized = await this.embedder.tokenize(texts.map(lexicalText), { signal });
    const { unknownId } = tokenized;
    return texts.map((text, i) => locateTerms({ unknownId, encode: () => tokenized.texts[i] }, text));
  }

  private async locatePassages(
    passages: readonly (readonly string[])[],
    signal?: AbortSignal,
  ): Promise<LocatedTerms[][] | undefined> {
    if (!this.settings.lexical) return undefined;
    const all = await this.locate(passages.flat(), signal);
    return passages.map((own) => all.splice(0, own.length));
  }

  /** Begins a successor of the index, or goes on with one of the same space and settings. */
  private async startSuccessor(signal?: AbortSignal): Promise<void> {
    const { space } = await this.embedder.embed([], {
      task: 'document',
      dimensions: this.settings.dimensions,
      signal,
    });
    await this.perform({ kind: 'prepare', settings: this.settings, space: space.id }, signal);
  }

  /** What the successor lacks, and what it has too much. */
  private async missing(signal?: AbortSignal): Promise<{ put: string[]; remove: string[] }> {
    const ids = await this.perform({ kind: 'ids' }, signal);
    const put: string[] = [];
    for (let at = 0; at < ids.length; at += STEP) {
      const some = ids.slice(at, at + STEP);
      const [own, next] = await Promise.all([
        this.perform({ kind: 'hashes', ids: some }, signal),
        this.perform({ kind: 'hashes', ids: some, slot: 'next' }, signal),
      ]);
      put.push(...some.filter((_, i) => own[i] !== undefined && own[i] !== next[i]));
    }
    const there = new Set(ids);
    const others = await this.perform({ kind: 'ids', slot: 'next' }, signal);
    return { put, remove: others.filter((id) => !there.has(id)) };
  }
}

/**
 * Settings of an index that is made now.
 *
 * @throws SternaError `invalid-input`.
 */
export function settingsOf(options: Omit<SemanticIndexOptions, 'name' | 'threads'>): CollectionSettings {
  const { embedder, dimensions, passageTokens = DEFAULT_PASSAGE_TOKENS, codes = 'int8' } = options;
  const { rerank = codes === 'binary' ? 'int8' : undefined } = options;
  const lexical = options.lexical ?? embedder.tokenize !== undefined;
  wholeNumbers({ passageTokens });
  for (const [name, value] of Object.entries({ codes, rerank })) {
    if (value === undefined || CODE_KINDS.includes(value)) continue;
    throw new SternaError(
      'invalid-input',
      `${name} is ${JSON.stringify(value)}; needed: ${CODE_KINDS.join(', ')}.`,
    );
  }
  return { codes, rerank, passageTokens, lexical, dimensions };
}

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

function wholeNumbers(values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new SternaError('invalid-input', `${name} is ${value}; needed: a whole number of at least 1.`);
  }
}

/** @returns the ids. @throws SternaError `invalid-input`, `duplicate-id`. */
function checkDocuments(documents: readonly SearchDocument<object>[]): string[] {
  const ids = new Set<string>();
  for (const { id, text } of documents) {
    if (typeof id !== 'string' || id === '' || /\p{Surrogate}/u.test(id)) {
      throw new SternaError(
        'invalid-input',
        `The id of a document is ${JSON.stringify(id)}; needed: a well-formed string that is not empty.`,
      );
    }
    if (typeof text !== 'string')
      throw new SternaError(
        'invalid-input',
        `The text of document "${id}" is a ${typeof text}; needed: a string.`,
      );
    if (ids.has(id)) throw new SternaError('duplicate-id', `Two of the documents have the id "${id}".`);
    ids.add(id);
  }
  return [...ids];
}

function hashOf({ text, metadata }: SearchDocument<object>): string {
  return contentHash(text, metadata === undefined ? '' : metadataToJson(metadata as Metadata));
}

function duplicate(id: string): SternaError {
  return new SternaError('duplicate-id', `Document "${id}" is in the index already; update or remove it.`);
}

function isList<M extends object>(
  documents: SearchDocument<M> | readonly SearchDocument<M>[],
): documents is readonly SearchDocument<M>[] {
  return Array.isArray(documents);
}

/** Documents from `from` on until they have enough text. */
function nextGroup<M extends object>(
  documents: readonly SearchDocument<M>[],
  from: number,
): readonly SearchDocument<M>[] {
  let to = from;
  for (
    let units = 0;
    to < documents.length && to - from < GROUP_DOCUMENTS && (to === from || units < GROUP_UNITS);
    to++
  )
    units += documents[to].text.length;
  return documents.slice(from, to);
}

async function* stepsOf<T>(source: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const one of source) {
    group.push(one);
    if (group.length < STEP) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function definedOnly<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function randomName(): string {
  return crypto.randomUUID();
}
