import type { Embedder, PassageEmbedder } from '../src/index.ts';

/**
 * Remembers the full vectors of documents, so that another vector length needs no model: a vector of 128 dimensions is
 * the beginning of the one of 256 (the index scales it to unit length again).
 */
export class VectorCache implements PassageEmbedder {
  private readonly vectors = new Map<string, Float32Array>();
  /** Tokens read and milliseconds taken for documents so far. */
  tokens = 0;
  milliseconds = 0;

  constructor(private readonly embedder: Embedder) {}

  chunk: PassageEmbedder['chunk'] = (texts, options) => this.embedder.chunk(texts, options);

  tokenize: NonNullable<PassageEmbedder['tokenize']> = (texts, options) =>
    this.embedder.tokenize(texts, options);

  embed: PassageEmbedder['embed'] = async (texts, { dimensions, ...options }) => {
    const full = this.embedder.report.dimensions;
    const length = dimensions ?? full;
    const missing = options.task === 'document' ? texts.filter((text) => !this.vectors.has(text)) : texts;
    const start = performance.now();
    const { embeddings, space } = await this.embedder.embed(missing, options);
    if (options.task === 'document') {
      this.milliseconds += performance.now() - start;
      for (const [i, { values, tokenCount }] of embeddings.entries()) {
        this.vectors.set(missing[i], values);
        this.tokens += tokenCount;
      }
    }
    const vectors =
      options.task === 'document'
        ? texts.map((text) => this.vectors.get(text)!)
        : embeddings.map(({ values }) => values);
    return {
      embeddings: vectors.map((values) => ({ values: values.subarray(0, length) })),
      space: { ...space, id: space.id.replace(/\d+$/, String(length)), dimensions: length },
    };
  };
}
