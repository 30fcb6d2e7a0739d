import type { Fusion } from '../index/collection/query.ts';
import type { IndexFolder } from '../index/files/folder.ts';
import type { Filter, Metadata } from '../index/metadata/types.ts';
import type { CodeKind } from '../index/vectors/code-layout.ts';
import type { Passage } from '../text/chunk.ts';
import type { EmbeddingSpace, Priority, Task, TokenizedTexts } from '../types.ts';

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
  /** Without it there is no search by words. */
  tokenize?(texts: readonly string[], options?: { signal?: AbortSignal }): Promise<TokenizedTexts>;
}

/** A text to be found. */
export interface SearchDocument<M extends object = Metadata> {
  /** Not empty, well-formed Unicode, and different from every other. */
  readonly id: string;
  /** Of any length; a text without words is kept and never found. */
  readonly text: string;
  /** What filters look at, and anything else of yours that JSON can hold, dates included. */
  readonly metadata?: M;
}

/** A passage that answers a query. */
export interface SearchHit<M extends object = Metadata> {
  /** Id of the document. */
  readonly id: string;
  /** What hits are ordered by: the cosine of query and passage where vectors alone are searched, the BM25 score where words alone are, else what {@link SearchOptions.fusion} makes of both. */
  readonly score: number;
  /** The score of each leg that has found the passage. */
  readonly scores: { readonly vector?: number; readonly lexical?: number };
  /** The passage: `document.text.slice(start, end)`. */
  readonly passage: string;
  readonly start: number;
  readonly end: number;
  /** UTF-16 ranges in the passage of the words that the query has too; empty where words were not searched. */
  readonly highlights: readonly (readonly [start: number, end: number])[];
  readonly document: SearchDocument<M>;
}

/** How to open an index. */
export interface SemanticIndexOptions {
  /** Makes vectors of documents and queries. */
  embedder: PassageEmbedder;
  /**
   * Under which name it is kept for later visits, in the browser's own file system or in IndexedDB. Default: none; it is gone with the page then. All tabs of
   * an origin that open one name have one index together.
   */
  name?: string;
  /** Length of the vectors, one that the model was trained for. Default: its full length. Kept with the index. */
  dimensions?: number;
  /** Most tokens of a passage. Default: 128. Kept with the index. */
  passageTokens?: number;
  /** How vectors are kept: `float32`, `int8` (default), `int4` or `binary`. */
  codes?: CodeKind;
  /** Finer codes that decide among what `codes` propose. Default: `int8` for `binary`, else none. */
  rerank?: CodeKind;
  /** Whether words can be searched, too. Default: true where the embedder can `tokenize`. */
  lexical?: boolean;
  /** Threads that search. Default: as many as the processor has, up to 4. More than one need a page that is cross-origin isolated. */
  threads?: number;
  /** Makes the index's worker, where `new Worker(new URL('./index-worker.js', import.meta.url))` is not to be used. */
  workerFactory?: () => Worker;
  /** Stops the opening. */
  signal?: AbortSignal;
}

/** {@link SemanticIndexOptions} in Node. */
export interface NodeIndexOptions extends Omit<SemanticIndexOptions, 'workerFactory'> {
  /** A folder in place of the one that `name` means: a path, or one of your own. */
  folder?: string | IndexFolder;
}

/** How to add. */
export interface AddOptions {
  /** Stops between documents; those that are done stay in the index. */
  signal?: AbortSignal;
  /** Told of the documents done so far. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** How to bring an index in line with a source. */
export interface SyncOptions {
  signal?: AbortSignal;
  /** Told after each group of documents. */
  onProgress?: (progress: SyncResult) => void;
}

/** What {@link SemanticIndex.sync} did. */
export interface SyncResult {
  readonly added: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly removed: number;
}

/** How to search. */
export interface SearchOptions<M extends object = Metadata> {
  /** Most hits. Default: 10. */
  k?: number;
  /**
   * Which documents may be hits: conditions on their metadata, which are looked at before anything is compared, or a function, which is asked about
   * what was found until there is enough.
   */
  filter?: Filter | ((document: SearchDocument<M>) => boolean);
  /** Lowest cosine of a hit that was found by its vector. Default: none. */
  minScore?: number;
  /** Most hits from one document. Default: 1, its best passage. */
  perDocument?: number;
  /**
   * What to search: meaning (`vector`, the default), words (`lexical`), or both (`hybrid`), with how much each counts where given.
   */
  mode?: 'vector' | 'lexical' | 'hybrid' | { readonly vector?: number; readonly lexical?: number };
  /**
   * How the hits of both are put in one order. `score` (default) adds cosines and BM25 scores, so that the leg that is surer of a query counts more in it;
   * `rank` is reciprocal rank fusion, the sum of `weight / (60 + rank)`, which looks at no score.
   */
  fusion?: Fusion;
  /** Whether the finest codes of all passages are compared. Default: false: a scan of fewer dimensions proposes, which was measured to lose less than 0.5 %. */
  exact?: boolean;
  signal?: AbortSignal;
}
