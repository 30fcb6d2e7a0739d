import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whether a host answers a request of a range with the range, or with the whole file. */
export type RangeSupport = 'ranges' | 'whole files';

/** A static host: files in memory behind an address of this machine. */
export interface StaticHost {
  readonly address: string;
  /** Files by their names. What is written here is served from then on. */
  readonly files: Map<string, Uint8Array>;
  /** Every request since the start: the file, the range, and how many bytes the body of the answer had. */
  readonly log: { readonly name: string; readonly range: string | undefined; readonly bytes: number }[];
  close(): Promise<void>;
}

export async function serve(
  files: Map<string, Uint8Array>,
  support: RangeSupport = 'ranges',
): Promise<StaticHost> {
  const log: { name: string; range: string | undefined; bytes: number }[] = [];
  const server = createServer((request, response) => {
    const name = new URL(request.url ?? '/', 'http://localhost').pathname.replace('/search/', '');
    const bytes = answer(files.get(name), support, request, response);
    log.push({ name, range: request.headers.range, bytes });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/search/`,
    files,
    log,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @returns bytes of the body. */
function answer(
  file: Uint8Array | undefined,
  support: RangeSupport,
  { headers }: IncomingMessage,
  response: ServerResponse,
): number {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  if (!file) {
    response.writeHead(404).end();
    return 0;
  }
  if (from === undefined || support === 'whole files') {
    response.writeHead(200, { 'Content-Length': file.length }).end(file);
    return file.length;
  }
  const start = Number(from);
  if (start >= file.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${file.length}` }).end();
    return 0;
  }
  const body = file.subarray(start, Number(to) + 1);
  const range = `bytes ${start}-${start + body.length - 1}/${file.length}`;
  response.writeHead(206, { 'Content-Length': body.length, 'Content-Range': range }).end(body);
  return body.length;
}
