import type { EmbeddedTexts, EmbedRequest, EngineSettings } from '../src/engine/link.ts';
import type { SternaErrorCode } from '../src/errors.ts';
import type { RemoteFetch } from '../src/loader/remote/page-fetch.ts';
import type { Passage } from '../src/text/chunk.ts';
import type { EmbedderReport, LoadProgress, ModelSource } from '../src/types.ts';

/** An error on its way between threads, where classes and own fields of errors are lost. */
export interface ErrorMessage {
  /** The `code` of a SternaError, or nothing for any other error. */
  readonly code?: SternaErrorCode;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** Answers are values or errors; a rejection would lose the error's code. */
export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ErrorMessage };

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
  abort(call: number): void;
}
