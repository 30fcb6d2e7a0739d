/** `npm run size`: the engine's JavaScript as a page loads it, gzipped, and whether it keeps within its bound. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Of the engine, and of all with the library, which brings models here and keeps them. */
const ENGINE_BOUND = 60_000;
const BOUND = 90_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist/');
if (!existsSync(dist)) {
  console.error('There is no dist/: run `npm run build` first.');
  process.exit(1);
}
const comlink = join(dirname(createRequire(import.meta.url).resolve('comlink')), '../esm/comlink.min.mjs');

/** A file of dist/ and all that it imports. */
function loadedBy(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const source = readFileSync(join(dist, name), 'utf8');
  for (const [, other] of source.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)) loadedBy(other, found);
  return found;
}

/** The worker as it would be without the library, for models of which the page has the files. */
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

const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
const say = (name, bytes, bound) =>
  console.log(
    `${name.padEnd(24)} ${(bytes / 1000).toFixed(1).padStart(6)} kB${bound ? ` of at most ${bound / 1000} kB` : ''}`,
  );

const inPages = [...new Set([...loadedBy('index.js'), ...loadedBy('worker.js')])];
const files = [...inPages.map((name) => [name, join(dist, name)]), ['comlink', comlink]];
const sizes = new Map(files.map(([name, path]) => [name, gzipped(readFileSync(path))]));
for (const [name, bytes] of sizes) say(name, bytes);
const all = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
const engine = all - sizes.get('worker.js') + gzipped(await workerWithoutLibrary());
say('the engine, gzipped', engine, ENGINE_BOUND);
say('with the library', all, BOUND);
if (engine > ENGINE_BOUND || all > BOUND) {
  console.error('It has become too large.');
  process.exit(1);
}
