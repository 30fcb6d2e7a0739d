import {
  type AddOptions,
  type IndexReport,
  type SearchDocument,
  type SearchHit,
  type SearchOptions,
  SemanticIndex,
  SternaError,
} from '../src/index.ts';
import type { VectorCache } from './vectors.ts';

/** What the demo knows of a document besides its text. */
export interface Source {
  /** Language code; absent for texts of the visitor's own. */
  readonly lang?: string;
  /** What a text of the visitor's own is called. */
  readonly title?: string;
}

/** What a search found, and what took how long, in milliseconds. */
export interface Answer {
  readonly hits: readonly SearchHit<Source>[];
  /** Of the model, for the query's vector; 0 where words alone were searched. */
  readonly embedding: number;
  /** Of everything else: the words of the query, the scan, the texts of the hits, the marks in them. */
  readonly searching: number;
}

/** The nano model was trained on sentences; passages of one or two serve it best. */
const PASSAGE_TOKENS = 32;
/** Documents that are added at a time; in between, progress is told. */
const SLICE = 64;

/** The demo's index. It stays in the browser, and all tabs that show the demo have it together. */
export class KeptIndex {
  private constructor(
    private readonly vectors: VectorCache,
    private readonly name: string | undefined,
    private index: SemanticIndex<Source>,
  ) {}

  /** @param name - without one the index is gone with the page. */
  static async open(vectors: VectorCache, name: string | undefined): Promise<KeptIndex> {
    return new KeptIndex(vectors, name, await openIndex(vectors, name));
  }

  get report(): IndexReport {
    return this.index.report;
  }

  /** Length of its vectors, once there are any. */
  get dimensions(): number | undefined {
    return this.report.space?.dimensions;
  }

  /** Ids of its documents; {@link report} is as fresh as they are, whatever other tabs did. */
  keys(): Promise<readonly string[]> {
    return this.index.keys();
  }

  /** Adds documents, or replaces those of the same ids. Those that are there as they are cost no embedding. */
  async put(
    documents: readonly SearchDocument<Source>[],
    { signal, onProgress }: AddOptions = {},
  ): Promise<void> {
    const total = documents.length;
    for (let done = 0; done < total; done += SLICE) {
      await this.index.update(documents.slice(done, done + SLICE), { signal });
      onProgress?.({ done: Math.min(done + SLICE, total), total });
    }
  }

  /** Takes documents out, if another tab has not done so. */
  async remove(id: string): Promise<void> {
    if (await this.index.has(id)) await this.index.remove(id);
  }

  /** Removes all documents, and their bytes with them. */
  async clear(): Promise<void> {
    await this.index.remove(await this.index.keys());
    await this.index.compact();
  }

  /** Embeds all documents anew where their vectors are not of the embedder's space: those of an earlier model. */
  async followModel(options: AddOptions): Promise<void> {
    const { dimensions } = this;
    if (dimensions === undefined) return;
    const { space } = await this.vectors.embed([], { task: 'document', dimensions });
    if (space.id !== this.index.space) await this.index.reindex(options);
  }

  /** Makes vectors of another length; the old ones answer until all are done. */
  async changeDimensions(dimensions: number, options: AddOptions): Promise<void> {
    await this.index.reindex({ dimensions, ...options });
  }

  async search(query: string, options: SearchOptions<Source>): Promise<Answer> {
    await this.vectors.ready;
    const start = performance.now();
    const hits = await this.found(query, options);
    const total = performance.now() - start;
    const embedding = options.mode === 'lexical' ? 0 : Math.min(this.vectors.queryMilliseconds, total);
    return { hits, embedding, searching: total - embedding };
  }

  private async found(query: string, options: SearchOptions<Source>): Promise<SearchHit<Source>[]> {
    try {
      return await this.index.search(query, options);
    } catch (error) {
      if (!(error instanceof SternaError) || error.code !== 'space-mismatch') throw error;
      // Another tab has changed the vectors' length.
      const old = this.index;
      this.index = await openIndex(this.vectors, this.name);
      await old.dispose();
      return this.index.search(query, options);
    }
  }
}

function openIndex(embedder: VectorCache, name: string | undefined): Promise<SemanticIndex<Source>> {
  return SemanticIndex.open<Source>({ embedder, name, passageTokens: PASSAGE_TOKENS });
}
