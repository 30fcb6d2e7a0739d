import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on this machine, for one test. */
export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash. */
  readonly origin: string;
  /** Paths that were asked for, query strings included. */
  readonly asked: readonly string[];
}

/** Serves until it is disposed of; connections that are still open are cut then. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
