import type { EmbeddedTexts, EmbedRequest, EngineSettings } from '../src/engine/link.ts';
import type { RemoteFetch } from '../src/loader/remote/page-fetch.ts';
import type { Reply } from '../src/reply.ts';
import type { Passage } from '../src/text/chunk.ts';
import type { EmbedderReport, LoadProgress, ModelSource, TokenizedTexts } from '../src/types.ts';

/** What a worker is told to load. */
export interface LoadRequest extends EngineSettings {
  readonly model: ModelSource;
  readonly name?: string;
  readonly revision?: string;
  readonly baseUrl?: string;
}

/**
 * What `engine.worker.ts` answers to, by way of comlink. Every call that takes time has a number of the caller's
 * choice, by which it is aborted; the caller settles its own promise, so an aborted call may answer anything.
 */
export interface EngineProtocol {
  load(
    call: number,
    request: LoadRequest,
    onProgress?: (progress: LoadProgress) => void,
    fetch?: RemoteFetch,
  ): Promise<Reply<EmbedderReport>>;
  embed(
    call: number,
    inputs: readonly (string | ArrayLike<number>)[],
    request: EmbedRequest,
    onProgress?: (done: number) => void,
  ): Promise<Reply<EmbeddedTexts>>;
  chunk(call: number, texts: readonly string[], maxTokens: number): Promise<Reply<Passage[][]>>;
  tokenize(call: number, texts: readonly string[]): Promise<Reply<TokenizedTexts>>;
  abort(call: number): void;
}
