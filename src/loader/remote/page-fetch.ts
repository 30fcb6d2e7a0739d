/** An answer to a request on its way between threads. */
export interface FetchedResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ArrayBuffer;
}

/** The page's own fetch, as a worker can call it. */
export type RemoteFetch = (
  address: string,
  method: string,
  headers: Record<string, string>,
) => Promise<FetchedResponse>;

/** In the worker: the page's fetch, as if it were the worker's own. */
export function workerFetch(remote: RemoteFetch): typeof fetch {
  return async (address, init = {}) => {
    const { method = 'GET', headers = {}, signal } = init;
    const { body, status, statusText, ...answer } = await remote(
      String(address),
      method,
      headers as Record<string, string>,
    );
    signal?.throwIfAborted();
    const isEmpty = status === 204 || status === 205 || status === 304 || method === 'HEAD';
    const sent = new Headers(answer.headers.map(([name, value]): [string, string] => [name, value]));
    return new Response(isEmpty ? null : body, { status, statusText, headers: sent });
  };
}
