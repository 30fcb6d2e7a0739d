/**
 * `npm run size`: JavaScript as a page loads it, gzipped, and whether it keeps within its bounds: what a bundler leaves of the library for a page that imports
 * some of it, and the workers.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist/');
if (!existsSync(dist)) {
  console.error('There is no dist/: run `npm run build` first.');
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'sterna-size-'));
const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** Files that the library names by their addresses are no part of its code. */
const filesStayBeside = {
  name: 'files-stay-beside',
  enforce: 'pre',
  transform: (code) => code.replaceAll('import.meta.url', 'location.href'),
};

/** What a page that imports these names loads at once; what is loaded when it is asked for is left out. */
async function pageWith(names) {
  const entry = join(folder, `${names.replace(/\W+/g, '-')}.js`);
  writeFileSync(entry, `export { ${names} } from ${JSON.stringify(join(dist, 'index.js'))};\n`);
  const result = await build({
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [filesStayBeside],
    build: { write: false, minify: true, lib: { entry, formats: ['es'] } },
  });
  const chunks = new Map([result].flat()[0].output.map((chunk) => [chunk.fileName, chunk]));
  const wanted = [...chunks.values()].filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName);
  let bytes = 0;
  for (const name of wanted) {
    const { code, imports } = chunks.get(name);
    bytes += gzipped(code);
    wanted.push(...imports.filter((other) => !wanted.includes(other)));
  }
  return bytes;
}

/** The engine's worker as it would be without the library, for models of which the page has the files. */
async function workerWithoutLibrary() {
  const stub = {
    name: 'without-library',
    enforce: 'pre',
    load: (id) =>
      id.endsWith('/src/loader/browser-library.ts')
        ? `import { openerOf } from './model-opener.ts';
           export const openFiles = openerOf;
           export const openInBrowser = () => Promise.reject(new Error());`
        : undefined,
  };
  const result = await build({
    root,
    mode: 'worker',
    logLevel: 'silent',
    plugins: [stub],
    build: { write: false },
  });
  const [{ output }] = [result].flat();
  return output.find(({ fileName }) => fileName === 'worker.js').code;
}

const page = await pageWith('Embedder');
const worker = gzipped(readFileSync(join(dist, 'worker.js')));
const search = await pageWith('Embedder, SemanticIndex');
const indexWorker = gzipped(readFileSync(join(dist, 'index-worker.js')));
const rows = [
  ['a page with Embedder', page],
  ['worker.js', worker],
  ['a page with SemanticIndex', search],
  ['index-worker.js', indexWorker],
  ['a page with VectorIndex', await pageWith('VectorIndex')],
  ['the engine', page + gzipped(await workerWithoutLibrary()), 60_000],
  ['with the library', page + worker, 90_000],
  ['with the index', search + worker + indexWorker, 150_000],
];
rmSync(folder, { recursive: true });
let isTooLarge = false;
for (const [name, bytes, bound] of rows) {
  isTooLarge ||= bytes > bound;
  const words = bound ? ` of at most ${bound / 1000} kB` : '';
  console.log(`${name.padEnd(26)} ${(bytes / 1000).toFixed(1).padStart(6)} kB${words}`);
}
if (isTooLarge) {
  console.error('It has become too large.');
  process.exit(1);
}
