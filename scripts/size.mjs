/** `npm run size`: the engine's JavaScript as a page loads it, gzipped, and whether it keeps within its bound. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const BOUND = 60_000;
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
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

const inPages = [...new Set([...loadedBy('index.js'), ...loadedBy('worker.js')])];
const files = [...inPages.map((name) => [name, join(dist, name)]), ['comlink', comlink]];
let total = 0;
for (const [name, path] of files) {
  const bytes = gzipSync(readFileSync(path), { level: 9 }).length;
  total += bytes;
  console.log(`${name.padEnd(18)} ${(bytes / 1000).toFixed(1).padStart(6)} kB`);
}
console.log(
  `${'all, gzipped'.padEnd(18)} ${(total / 1000).toFixed(1).padStart(6)} kB of at most ${BOUND / 1000} kB`,
);
if (total > BOUND) {
  console.error('The engine has become too large.');
  process.exit(1);
}
