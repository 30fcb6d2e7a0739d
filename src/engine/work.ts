import type { Service } from '../tabs/service.ts';
import type { Passage } from '../text/chunk.ts';
import type { EmbedderReport, TokenizedTexts } from '../types.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink } from './link.ts';

/** A call of an engine as a value. */
export type Work =
  | {
      readonly kind: 'embed';
      readonly inputs: readonly (string | ArrayLike<number>)[];
      readonly request: EmbedRequest;
    }
  | { readonly kind: 'chunk'; readonly texts: readonly string[]; readonly maxTokens: number }
  | { readonly kind: 'tokenize'; readonly texts: readonly string[] };

/** What comes of it. */
export type Product = EmbeddedTexts | Passage[][] | TokenizedTexts;

/** An engine that is told its calls as values. */
export class EngineService implements Service<Work, Product, EmbedderReport> {
  constructor(private readonly engine: EngineLink) {}

  get report(): EmbedderReport {
    return this.engine.report;
  }

  /** @param onProgress - told of the number of texts done. */
  perform(work: Work, signal?: AbortSignal, onProgress?: (done: number) => void): Promise<Product> {
    if (work.kind === 'chunk') return this.engine.chunk(work.texts, work.maxTokens, signal);
    if (work.kind === 'tokenize') return this.engine.tokenize(work.texts, signal);
    return this.engine.embed(work.inputs, work.request, signal, onProgress);
  }

  dispose(): void {
    this.engine.dispose();
  }
}
