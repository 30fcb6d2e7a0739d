import type { Passage } from '../text/chunk.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink } from './link.ts';

/** A call of an engine as a value. */
export type Work =
  | {
      readonly kind: 'embed';
      readonly inputs: readonly (string | ArrayLike<number>)[];
      readonly request: EmbedRequest;
    }
  | { readonly kind: 'chunk'; readonly texts: readonly string[]; readonly maxTokens: number };

/** What comes of it. */
export type Product = EmbeddedTexts | Passage[][];

/** Makes the call. */
export function perform(
  engine: EngineLink,
  work: Work,
  signal: AbortSignal,
  onProgress?: (done: number) => void,
): Promise<Product> {
  if (work.kind === 'chunk') return engine.chunk(work.texts, work.maxTokens, signal);
  return engine.embed(work.inputs, work.request, signal, onProgress);
}
