import type { Embedder, PassageEmbedder } from '../src/index.ts';

/**
 * An embedder that may still be loading, so that the index can be opened meanwhile. It remembers the full vectors of documents: a vector
 * of 128 dimensions is the beginning of the one of 256 (the index scales it to unit length again), so another length needs no model.
 */
export class VectorCache implements PassageEmbedder {
  private readonly vectors = new Map<string, Float32Array>();
  /** Tokens read and milliseconds taken for documents so far. */
  tokens = 0;
  milliseconds = 0;
  /** Milliseconds that the last query took. */
  queryMilliseconds = 0;

  /** @param ready - rejects where the model cannot be loaded; then everything here does. */
  constructor(readonly ready: Promise<Embedder>) {}

  chunk: PassageEmbedder['chunk'] = async (texts, options) => (await this.ready).chunk(texts, options);

  tokenize: NonNullable<PassageEmbedder['tokenize']> = async (texts, options) =>
    (await this.ready).tokenize(texts, options);

  embed: PassageEmbedder['embed'] = async (texts, { dimensions, ...options }) => {
    const embedder = await this.ready;
    const length = dimensions ?? embedder.report.dimensions;
    const isDocument = options.task === 'document';
    const missing = isDocument ? texts.filter((text) => !this.vectors.has(text)) : texts;
    const start = performance.now();
    const { embeddings, space } = await embedder.embed(missing, options);
    const milliseconds = performance.now() - start;
    if (isDocument) {
      this.milliseconds += milliseconds;
      for (const [i, { values, tokenCount }] of embeddings.entries()) {
        this.vectors.set(missing[i], values);
        this.tokens += tokenCount;
      }
    } else this.queryMilliseconds = milliseconds;
    const vectors = isDocument
      ? texts.map((text) => this.vectors.get(text)!)
      : embeddings.map(({ values }) => values);
    return {
      embeddings: vectors.map((values) => ({ values: values.subarray(0, length) })),
      space: { ...space, id: space.id.replace(/\d+$/, String(length)), dimensions: length },
    };
  };
}
