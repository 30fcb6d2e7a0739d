import { crc32 } from './crc32.ts';
import { SternaError } from './errors.ts';
import { VectorIndex } from './index/vector-index.ts';
import type { Passage } from './text/chunk.ts';
import type { EmbeddingSpace, Priority, Task } from './types.ts';

/** What a {@link SemanticIndex} needs of an embedder; {@link Embedder} has it. */
export interface PassageEmbedder {
  chunk(texts: readonly string[], options: { maxTokens: number; signal?: AbortSignal }): Promise<Passage[][]>;
  embed(
    texts: readonly string[],
    options: {
      task: Task;
      dimensions?: number;
      specialTokens?: 'text';
      priority?: Priority;
      signal?: AbortSignal;
    },
  ): Promise<{ embeddings: readonly { values: Float32Array }[]; space: EmbeddingSpace }>;
}

/** A text to be found. */
export interface SearchDocument<M = unknown> {
  /** Not empty, and different from every other. */
  readonly id: string;
  /** Of any length; a text without words is kept and never found. */
  readonly text: string;
  /** Anything of yours. It must survive JSON if the index is to be saved. */
  readonly metadata?: M;
}

/** A passage that answers a query. */
export interface SearchHit<M = unknown> {
  /** Id of the document. */
  readonly id: string;
  /** Cosine of query and passage, −1 … 1. */
  readonly score: number;
  /** The passage: `document.text.slice(start, end)`. */
  readonly passage: string;
  readonly start: number;
  readonly end: number;
  readonly document: SearchDocument<M>;
}

/** How to index. */
export interface SemanticIndexOptions {
  /** Length of the vectors, one that the model was trained for. Default: its full length. */
  dimensions?: number;
  /** Most tokens of a passage. Default: 128. */
  passageTokens?: number;
}

/** How to add. */
export interface AddOptions {
  /** Stops between documents; those that are done stay in the index. */
  signal?: AbortSignal;
  /** Told of the documents done so far. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** How to search. */
export interface SearchOptions<M = unknown> {
  /** Most hits. Default: 10. */
  k?: number;
  /** Which documents may be hits. */
  filter?: (document: SearchDocument<M>) => boolean;
  /** Lowest score of a hit. Default: none. */
  minScore?: number;
  /** Most hits from one document. Default: 1, its best passage. */
  perDocument?: number;
  signal?: AbortSignal;
}

const DEFAULT_PASSAGE_TOKENS = 128;

/** Documents are added in groups of about this many UTF-16 units: what is done can be found while the rest is under way. */
const GROUP_UNITS = 4000;

/** A document in the index: its number names its passages in the vector index, as `number.passage`. */
interface Entry<M> {
  readonly document: SearchDocument<M>;
  readonly number: number;
  /** UTF-16 ranges of its passages. */
  readonly ranges: readonly (readonly [start: number, end: number])[];
}

/**
 * Documents in, hits out: an embedder, passages, and a {@link VectorIndex} over them.
 *
 * ```ts
 * const index = new SemanticIndex(embedder);
 * await index.add([{ id: 'tern', text: 'The Arctic tern flies from pole to pole.' }]);
 * const [hit] = await index.search('Welcher Vogel fliegt am weitesten?');
 * ```
 *
 * A search during an `add` finds what has been added so far.
 */
export class SemanticIndex<M = unknown> {
  private readonly entries = new Map<string, Entry<M>>();
  private readonly byNumber = new Map<number, Entry<M>>();
  /** Ids of documents on their way in. */
  private readonly pending = new Set<string>();
  private vectors: VectorIndex | undefined;
  private numbers = 0;
  private readonly passageTokens: number;
  private readonly dimensions: number | undefined;

  /** @throws SternaError `invalid-input`. */
  constructor(
    private readonly embedder: PassageEmbedder,
    { dimensions, passageTokens = DEFAULT_PASSAGE_TOKENS }: SemanticIndexOptions = {},
  ) {
    if (!Number.isInteger(passageTokens) || passageTokens < 1) {
      throw new SternaError(
        'invalid-input',
        `passageTokens is ${passageTokens}; needed: a whole number of at least 1.`,
      );
    }
    this.dimensions = dimensions;
    this.passageTokens = passageTokens;
  }

  /** Number of documents. */
  get size(): number {
    return this.entries.size;
  }

  /** Number of passages. */
  get passageCount(): number {
    return this.vectors?.size ?? 0;
  }

  /** Id of the space of its vectors; nothing before the first passage is there. */
  get space(): string | undefined {
    return this.vectors?.space;
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  get(id: string): SearchDocument<M> | undefined {
    return this.entries.get(id)?.document;
  }

  /** The ids of all documents, in the order in which they came in. */
  keys(): IterableIterator<string> {
    return this.entries.keys();
  }

  /**
   * Adds documents. A document is in the index when all its passages are; when the promise rejects, those that were done
   * are in and the others are not.
   *
   * @throws SternaError `invalid-input`, `duplicate-id` before anything is done; `space-mismatch` where the embedder is
   *   not the one that the index was made with; whatever the embedder throws.
   */
  async add(
    documents: SearchDocument<M> | readonly SearchDocument<M>[],
    { signal, onProgress }: AddOptions = {},
  ): Promise<void> {
    const list = isList(documents) ? [...documents] : [documents];
    this.reserve(list);
    try {
      const total = list.length;
      for (let done = 0; done < total; ) {
        const group = nextGroup(list, done);
        signal?.throwIfAborted();
        await this.addGroup(group, signal);
        done += group.length;
        onProgress?.({ done, total });
      }
    } finally {
      for (const { id } of list) this.pending.delete(id);
    }
  }

  /** Takes a document out. @throws SternaError `unknown-id`. */
  remove(id: string): void {
    const entry = this.entries.get(id);
    if (!entry) throw new SternaError('unknown-id', `There is no document "${id}" in the index.`);
    for (const passage of entry.ranges.keys()) this.vectors!.remove(`${entry.number}.${passage}`);
    this.entries.delete(id);
    this.byNumber.delete(entry.number);
  }

  /**
   * Finds the passages that are nearest to a query, best first.
   *
   * @throws SternaError `invalid-input` for an empty query, `space-mismatch`, or as the embedder says.
   */
  async search(query: string, options: SearchOptions<M> = {}): Promise<SearchHit<M>[]> {
    const { k = 10, filter, minScore, perDocument = 1, signal } = options;
    if (typeof query !== 'string' || query.trim() === '') {
      throw new SternaError('invalid-input', 'The query is empty; needed: a text.');
    }
    for (const [name, value] of Object.entries({ k, perDocument })) {
      if (Number.isInteger(value) && value >= 1) continue;
      throw new SternaError('invalid-input', `${name} is ${value}; needed: a whole number of at least 1.`);
    }
    const { embeddings, space } = await this.embedder.embed([query], {
      task: 'query',
      dimensions: this.dimensions,
      specialTokens: 'text',
      signal,
    });
    if (!this.vectors) return [];
    this.checkSpace(space);
    const mayHit = filter && ((key: string) => filter(this.locate(key).entry.document));
    return this.nearest(embeddings[0].values, { k, perDocument, minScore, filter: mayHit });
  }

  /**
   * The index as bytes: documents, passages and vectors.
   *
   * @throws TypeError where metadata cannot be written as JSON.
   */
  toBytes(): Uint8Array<ArrayBuffer> {
    const documents = [...this.entries.values()].map(({ document, number, ranges }) => ({
      ...document,
      number,
      ranges,
    }));
    const { dimensions, passageTokens } = this;
    const json = new TextEncoder().encode(JSON.stringify({ dimensions, passageTokens, documents }));
    const vectors = this.vectors?.toBytes() ?? new Uint8Array(0);
    const bytes = new Uint8Array(HEADER_BYTES + json.length + vectors.length);
    const header = new DataView(bytes.buffer);
    for (const [i, word] of [MAGIC, VERSION, json.length, crc32(json)].entries())
      header.setUint32(4 * i, word, true);
    bytes.set(json, HEADER_BYTES);
    bytes.set(vectors, HEADER_BYTES + json.length);
    return bytes;
  }

  /**
   * An index from its bytes.
   *
   * @param embedder - the model that it was made with: another one is found out by the first `add` or `search`.
   * @throws SternaError `corrupt-file`.
   */
  static from<M = unknown>(bytes: Uint8Array | ArrayBuffer, embedder: PassageEmbedder): SemanticIndex<M> {
    const { saved, vectors } = readBytes<M>(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
    const { dimensions, passageTokens, documents } = saved;
    const index = new SemanticIndex<M>(embedder, { dimensions, passageTokens });
    index.vectors = vectors;
    for (const { number, ranges, ...document } of documents) {
      index.insert({ document, number, ranges });
      index.numbers = Math.max(index.numbers, number + 1);
    }
    return index;
  }

  /** Checks ids before any work is done for them, and keeps others from taking them meanwhile. */
  private reserve(documents: readonly SearchDocument<M>[]): void {
    const ids = new Set<string>();
    for (const { id, text } of documents) {
      if (typeof id !== 'string' || id === '') {
        throw new SternaError(
          'invalid-input',
          `The id of a document is ${JSON.stringify(id)}; needed: a string that is not empty.`,
        );
      }
      if (typeof text !== 'string')
        throw new SternaError(
          'invalid-input',
          `The text of document "${id}" is a ${typeof text}; needed: a string.`,
        );
      if (ids.has(id)) throw new SternaError('duplicate-id', `Two of the documents have the id "${id}".`);
      if (this.entries.has(id) || this.pending.has(id)) {
        throw new SternaError('duplicate-id', `Document "${id}" is in the index already; remove it first.`);
      }
      ids.add(id);
    }
    for (const id of ids) this.pending.add(id);
  }

  private async addGroup(group: readonly SearchDocument<M>[], signal?: AbortSignal): Promise<void> {
    const texts = group.map(({ text }) => text);
    const passages = await this.embedder.chunk(texts, { maxTokens: this.passageTokens, signal });
    const all = passages.flat().map(({ text }) => text);
    // Documents are other people's words: `</s>` in one is three characters.
    const { dimensions } = this;
    const options = {
      task: 'document',
      dimensions,
      specialTokens: 'text',
      priority: 'background',
      signal,
    } as const;
    const embedded = all.length > 0 ? await this.embedder.embed(all, options) : undefined;
    if (embedded) {
      const { space } = embedded;
      this.vectors ??= new VectorIndex({ dimensions: space.dimensions, space });
      this.checkSpace(space);
    }
    const values = (embedded?.embeddings ?? []).map((embedding) => embedding.values);
    for (const [i, document] of group.entries()) {
      const number = this.numbers++;
      this.addVectors(number, values.splice(0, passages[i].length));
      this.insert({ document, number, ranges: passages[i].map(({ start, end }) => [start, end] as const) });
    }
  }

  /** All vectors of a document, or none where one is refused. */
  private addVectors(number: number, values: readonly Float32Array[]): void {
    const keys: string[] = [];
    try {
      for (const [passage, vector] of values.entries()) {
        const key = `${number}.${passage}`;
        this.vectors!.add(key, vector);
        keys.push(key);
      }
    } catch (error) {
      for (const key of keys) this.vectors!.remove(key);
      throw error;
    }
  }

  private insert(entry: Entry<M>): void {
    this.entries.set(entry.document.id, entry);
    this.byNumber.set(entry.number, entry);
  }

  private checkSpace({ id }: EmbeddingSpace): void {
    const { space } = this.vectors!;
    if (space === id) return;
    throw new SternaError(
      'space-mismatch',
      `The index has vectors of ${space} and the embedder makes ${id}; they cannot be compared. Index the documents anew.`,
    );
  }

  /** The best passages, at most some of each document. */
  private nearest(
    query: Float32Array,
    {
      k,
      perDocument,
      ...options
    }: { k: number; perDocument: number; minScore?: number; filter?: (key: string) => boolean },
  ): SearchHit<M>[] {
    // Passages of documents that have enough of them are passed over, so more must be asked for until k are left.
    for (let asked = 2 * k; ; asked *= 4) {
      const found = this.vectors!.search(query, { ...options, k: asked });
      const perNumber = new Map<number, number>();
      const hits: SearchHit<M>[] = [];
      for (const { id: key, score } of found) {
        const { entry, range } = this.locate(key);
        const before = perNumber.get(entry.number) ?? 0;
        if (before === perDocument) continue;
        perNumber.set(entry.number, before + 1);
        const [start, end] = range;
        const { document } = entry;
        hits.push({ id: document.id, score, passage: document.text.slice(start, end), start, end, document });
        if (hits.length === k) return hits;
      }
      if (found.length < asked) return hits;
    }
  }

  private locate(key: string): { entry: Entry<M>; range: readonly [number, number] } {
    const [number, passage] = key.split('.').map(Number);
    const entry = this.byNumber.get(number)!;
    return { entry, range: entry.ranges[passage] };
  }
}

// Saved as: magic "STSI", version, bytes of the JSON and its CRC-32 (u32, little-endian), the JSON, the vector index.
const MAGIC = 0x49535453;
const VERSION = 1;
const HEADER_BYTES = 16;

type SavedDocument<M> = SearchDocument<M> & Pick<Entry<M>, 'number' | 'ranges'>;

interface Saved<M> {
  readonly dimensions?: number;
  readonly passageTokens: number;
  readonly documents: readonly SavedDocument<M>[];
}

function readBytes<M>(bytes: Uint8Array): { saved: Saved<M>; vectors: VectorIndex | undefined } {
  if (bytes.length < HEADER_BYTES)
    throw corrupt(`they are ${bytes.length}; needed: at least ${HEADER_BYTES}`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [magic, version, jsonBytes, checksum] = Array.from({ length: 4 }, (_, i) =>
    header.getUint32(4 * i, true),
  );
  if (magic !== MAGIC) throw corrupt('they do not begin as one does');
  if (version !== VERSION)
    throw corrupt(
      `they are version ${version} of the format and this library reads ${VERSION}; update the library`,
    );
  if (HEADER_BYTES + jsonBytes > bytes.length)
    throw corrupt(`they are ${bytes.length}; needed: at least ${HEADER_BYTES + jsonBytes}`);
  const json = bytes.subarray(HEADER_BYTES, HEADER_BYTES + jsonBytes);
  if (crc32(json) !== checksum) throw corrupt('the checksum does not match');
  const saved = parseSaved<M>(json);
  const rest = bytes.subarray(HEADER_BYTES + jsonBytes);
  const vectors = rest.length > 0 ? VectorIndex.from(rest) : undefined;
  const keys = saved.documents.flatMap(({ number, ranges }) => ranges.map((_, i) => `${number}.${i}`));
  if (keys.length !== (vectors?.size ?? 0) || !keys.every((key) => vectors!.has(key))) {
    throw corrupt('passages and vectors do not belong together');
  }
  return { saved, vectors };
}

function parseSaved<M>(json: Uint8Array): Saved<M> {
  let saved: Saved<M>;
  try {
    saved = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    throw corrupt('the documents are not JSON');
  }
  const documents = saved?.documents;
  if (
    !Array.isArray(documents) ||
    !Number.isInteger(saved.passageTokens) ||
    !documents.every(isSavedDocument)
  ) {
    throw corrupt('the documents are not as they should be');
  }
  if (new Set(documents.map(({ id }) => id)).size !== documents.length)
    throw corrupt('two documents have one id');
  return saved;
}

function isSavedDocument(value: Partial<SavedDocument<unknown>> | null): boolean {
  if (typeof value?.id !== 'string' || typeof value.text !== 'string' || !Number.isInteger(value.number))
    return false;
  const { length } = value.text;
  const isRange = (range: unknown) =>
    Array.isArray(range) && range.length === 2 && range[0] >= 0 && range[0] <= range[1] && range[1] <= length;
  return Array.isArray(value.ranges) && value.ranges.every(isRange);
}

function corrupt(words: string): SternaError {
  return new SternaError('corrupt-file', `The bytes are no usable semantic index: ${words}.`);
}

function isList<M>(
  documents: SearchDocument<M> | readonly SearchDocument<M>[],
): documents is readonly SearchDocument<M>[] {
  return Array.isArray(documents);
}

/** Documents from `from` on until they have enough text. */
function nextGroup<M>(documents: readonly SearchDocument<M>[], from: number): readonly SearchDocument<M>[] {
  let to = from;
  for (let units = 0; to < documents.length && (to === from || units < GROUP_UNITS); to++)
    units += documents[to].text.length;
  return documents.slice(from, to);
}
