import { transfer } from 'comlink';
import type { FetchedResponse, RemoteFetch } from '../loader/remote/page-fetch.ts';
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
