/** A plain file server for tests: folders under prefixes, the longest of which come first. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Answers requests with the files of a folder. */
export function serveFolder(folder) {
  return serveFolders([['/', folder]]);
}

/** Answers requests with the files of several folders, the first whose prefix fits. */
export function serveFolders(mounts) {
  return (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const [prefix, folder] = mounts.find(([prefix]) => pathname.startsWith(prefix));
    let path = normalize(join(folder, decodeURIComponent(pathname.slice(prefix.length))));
    if (existsSync(path) && statSync(path).isDirectory()) path = join(path, 'index.html');
    if (!path.startsWith(folder) || !existsSync(path)) {
      response.writeHead(404).end('not found');
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'content-length': statSync(path).size,
    });
    createReadStream(path).pipe(response);
  };
}
