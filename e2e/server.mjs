/**
 * The server of the browser tests: the built demo at /, the built package at /package/, the fixtures at /fixtures/ where
 * they are, onnxruntime and transformers.js at /node_modules/, and the pages of this folder at /pages/.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The first prefix that fits decides. */
const MOUNTS = [
  ['/package/', here('..')],
  ['/fixtures/', here('../../shared/fixtures')],
  ['/node_modules/', here('../node_modules')],
  ['/pages/', here('pages')],
  ['/', here('../dist-demo')],
];

createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const [prefix, folder] = MOUNTS.find(([prefix]) => pathname.startsWith(prefix));
  let path = normalize(join(folder, decodeURIComponent(pathname.slice(prefix.length))));
  if (existsSync(path) && statSync(path).isDirectory()) path = join(path, 'index.html');
  if (!path.startsWith(folder) || !existsSync(path)) {
    response.writeHead(404).end('not found');
    return;
  }
  response.writeHead(200, {
    // Isolated pages have shared memory, and so threads.
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    'content-length': statSync(path).size,
  });
  createReadStream(path).pipe(response);
}).listen(Number(process.argv[2] ?? 4179), 'localhost');
