import { proxy, type Remote, releaseProxy, wrap } from 'comlink';
import type { EngineProtocol, LoadRequest } from '../../workers/protocol.ts';
import { SternaError } from '../errors.ts';
import { type Reply, unwrap } from '../reply.ts';
import type { Passage } from '../text/chunk.ts';
import type { EmbedderOptions, EmbedderReport, TokenizedTexts } from '../types.ts';
import { untilAborted } from '../until-aborted.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink } from './link.ts';

/** How to load an engine in a worker. */
export interface LinkOptions extends Pick<EmbedderOptions, 'signal' | 'onProgress' | 'fetch'> {}

/** An engine in a worker. It owns the worker: `dispose()` ends it. */
export class WorkerLink implements EngineLink {
  report!: EmbedderReport;
  private readonly remote: Remote<EngineProtocol>;
  private calls = 0;
  /** Rejects when the worker dies or is disposed of; nothing else settles it. */
  private readonly ended: Promise<never>;
  private end!: (reason: SternaError) => void;

  private constructor(private readonly worker: Worker) {
    this.remote = wrap<EngineProtocol>(worker);
    this.ended = new Promise((_, reject) => {
      this.end = reject;
    });
    this.ended.catch(() => {});
    worker.addEventListener('error', (event) => this.fail(event.message || 'its script could not be loaded'));
    worker.addEventListener('messageerror', () => this.fail('a message could not be read'));
  }

  /**
   * Loads a model in a worker.
   *
   * @throws SternaError `worker` where the worker does not start, or as the engine says; the worker is ended then.
   */
  static async load(
    worker: Worker,
    request: LoadRequest,
    { signal, onProgress, fetch }: LinkOptions = {},
  ): Promise<WorkerLink> {
    const link = new WorkerLink(worker);
    try {
      const told = onProgress && proxy(onProgress);
      const fetcher = fetch && proxy((await import('./remote-fetch.ts')).remoteFetch(fetch));
      link.report = await link.call((call) => link.remote.load(call, request, told, fetcher), signal);
      return link;
    } catch (error) {
      link.dispose();
      throw error;
    }
  }

  async embed(
    inputs: readonly (string | ArrayLike<number>)[],
    request: EmbedRequest,
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<EmbeddedTexts> {
    const told = onProgress && proxy(onProgress);
    return this.call((call) => this.remote.embed(call, inputs, request, told), signal);
  }

  async chunk(texts: readonly string[], maxTokens: number, signal?: AbortSignal): Promise<Passage[][]> {
    return this.call((call) => this.remote.chunk(call, texts, maxTokens), signal);
  }

  async tokenize(texts: readonly string[], signal?: AbortSignal): Promise<TokenizedTexts> {
    return this.call((call) => this.remote.tokenize(call, texts), signal);
  }

  dispose(): void {
    this.end(new SternaError('disposed', 'This embedder was disposed; make a new one.'));
    this.remote[releaseProxy]();
    this.worker.terminate();
  }

  /**
   * Makes a call that a signal can abort: the promise rejects at once with the signal's reason, and the worker stops
   * at its next micro-batch.
   */
  private call<T>(run: (call: number) => Promise<Reply<T>>, signal?: AbortSignal): Promise<T> {
    const call = ++this.calls;
    const begin = () => Promise.race([run(call).then(unwrap), this.ended]);
    return untilAborted(begin, signal, () => void this.remote.abort(call));
  }

  private fail(reason: string): void {
    this.end(new SternaError('worker', `The worker failed: ${reason}. ${WORKER_ADVICE}`));
  }
}

const WORKER_ADVICE =
  'If the page has a Content-Security-Policy it must allow the worker (worker-src), and the bundler must emit it; ' +
  'otherwise give `worker` or `workerFactory`.';
