import { transfer } from 'comlink';
import type { FetchedResponse, RemoteFetch } from '../../workers/protocol.ts';
import type { EmbedderOptions } from '../types.ts';

// A page's own fetch, for a worker: a Response cannot be sent between threads, so its parts are, and it is put together again. Bodies are
// whole by then, which ranges of some megabytes may be.

/** In the page: what a worker may call. */
export function remoteFetch(fetch: NonNullable<EmbedderOptions['fetch']>): RemoteFetch {
  return async (address, method, headers) => {
    const response = await fetch(address, { method, headers });
    const body = await response.arrayBuffer();
    const { status, statusText } = response;
    const sent: FetchedResponse = { status, statusText, headers: [...response.headers], body };
    return transfer(sent, [body]);
  };
}

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
