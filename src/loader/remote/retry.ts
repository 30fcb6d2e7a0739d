/** How patient a download is. */
export interface RetryPolicy {
  /** Attempts in a row that bring no byte, before it is given up. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; each further one waits twice as long. */
  readonly firstDelay: number;
  /** The longest wait, in milliseconds, whatever a server asks for. */
  readonly longestDelay: number;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly stall: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 6,
  firstDelay: 500,
  longestDelay: 60_000,
  stall: 30_000,
};

/** How long to wait before an attempt, in milliseconds. @param failures - attempts that failed so far. */
export function delayBefore(failures: number, policy: RetryPolicy, retryAfter?: number): number {
  const own = policy.firstDelay * 2 ** (failures - 1);
  // Clients that were cut off together shall not come back together.
  return Math.min(policy.longestDelay, Math.max(own * (0.75 + 0.5 * Math.random()), retryAfter ?? 0));
}

/** What a Retry-After header asks for, in milliseconds: it has seconds, or a date. */
export function retryAfterOf({ headers }: Response): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const wait = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/** Waits. @throws the signal's reason when it is aborted. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
