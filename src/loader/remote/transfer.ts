import { SternaError } from '../../errors.ts';
import { release } from '../../release.ts';
import { isAbsent } from '../download.ts';
import { DEFAULT_RETRY, delayBefore, type RetryPolicy, retryAfterOf, sleep } from './retry.ts';

/** How to reach a file by HTTP. */
export interface RemoteOptions {
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  readonly retry?: RetryPolicy;
  /** Told of every byte that came over the line. */
  readonly onBytes?: (count: number) => void;
}

/** Answers that are worth another attempt. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Requests for one file, with patience. */
export class Transfer {
  private failures = 0;

  constructor(
    private readonly name: string,
    private readonly address: URL,
    private readonly options: RemoteOptions,
    /** Whether a broken transfer is taken up where it broke, so that each byte of it is a step forward. */
    private readonly goesOn = true,
  ) {}

  /** Does something until it works, or has failed too often in a row without a byte in between. */
  async persist<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, retry = DEFAULT_RETRY } = this.options;
    for (;;) {
      signal?.throwIfAborted();
      const controller = new AbortController();
      try {
        const result = await run(anySignal(controller.signal, signal));
        this.failures = 0;
        return result;
      } catch (error) {
        controller.abort();
        signal?.throwIfAborted();
        if (error instanceof SternaError && !(error instanceof PassingError)) throw error;
        if (++this.failures >= retry.attempts) {
          if (error instanceof PassingError)
            throw new SternaError('network', error.message, { cause: error });
          throw this.failed(`cannot be downloaded: ${(error as Error).message}`, error);
        }
        const wait = error instanceof PassingError ? error.retryAfter : undefined;
        await sleep(delayBefore(this.failures, retry, wait), signal);
      }
    }
  }

  /** @throws SternaError `network` for an answer that will not become another one. */
  async request(headers: Record<string, string>, signal: AbortSignal, method = 'GET'): Promise<Response> {
    const { fetch: custom = fetch, retry = DEFAULT_RETRY } = this.options;
    const stalled = new AbortController();
    const timer = setTimeout(() => stalled.abort(this.passing('does not answer')), retry.stall);
    let response: Response;
    try {
      // The browser's own cache would keep a second copy.
      const init: RequestInit = {
        headers,
        method,
        cache: 'no-store',
        signal: anySignal(signal, stalled.signal),
      };
      response = await custom(this.address, init);
    } finally {
      clearTimeout(timer);
    }
    const { status, ok } = response;
    if (ok || status === 416 || isAbsent(response, this.name)) return response;
    await response.body?.cancel();
    const words = `answers ${status} ${response.statusText}`.trimEnd();
    if (PASSING.has(status)) throw this.passing(words, retryAfterOf(response));
    throw this.failed(words);
  }

  /** Hands the body over, piece by piece, until `use` wants no more. A piece is gone when `use` returns. */
  async receive(response: Response, use: (piece: Uint8Array) => boolean): Promise<void> {
    for await (const piece of this.piecesOf(response)) {
      const wantsMore = use(piece);
      this.free(piece);
      if (!wantsMore) return;
    }
  }

  async *piecesOf({ body }: Response): AsyncGenerator<Uint8Array> {
    const { retry = DEFAULT_RETRY, onBytes } = this.options;
    const reader = body?.getReader();
    if (!reader) return;
    try {
      for (;;) {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const stall = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(this.passing('sends nothing any more')), retry.stall);
        });
        const { done, value } = await Promise.race([reader.read(), stall]).finally(() => clearTimeout(timer));
        if (done) return;
        if (this.goesOn) this.failures = 0;
        onBytes?.(value.length);
        yield value;
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** Frees a piece that is used up. Whoever has a `fetch` of their own may want it still. */
  free(piece: Uint8Array): void {
    if (!this.options.fetch) release(piece);
  }

  failed(words: string, cause?: unknown): SternaError {
    return new SternaError(
      'network',
      `${this.address.href} ${words}. Check the address and the connection, and try again.`,
      { cause },
    );
  }

  passing(words: string, retryAfter?: number): PassingError {
    return new PassingError(this.failed(words).message, retryAfter);
  }
}

/** A failure that may be over at the next attempt. */
class PassingError extends SternaError {
  constructor(
    message: string,
    readonly retryAfter?: number,
  ) {
    super('network', message);
  }
}

export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** Bytes of the body; a compressed one has another length than its file. */
export function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? undefined : Number(length);
}
