/**
 * What a search of a published index reads: an index is built, served by HTTP with ranges, and asked for the ten nearest passages of queries that
 * are not in it. Bytes are those of the bodies that the server sent for one search, by an index that has read nothing but the centroids.
 *
 *     npm run bench:shards [-- --json FILE] [--rows 100000] [--queries 200]
 *
 * Queries of the seeded set are new rows, and middles of two rows. The cloud has no clusters at all, which is the hardest case for an index of
 * clusters: most of its spread is in some tens of directions.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { finish, options, table } from './lib/report.mjs';
import { DIMENSIONS, readRows, rowsOf, seededSet } from './lib/vectors.mjs';

const NEAREST = 10;
const WORDS = 'the of and sea bird north tern arctic ice flight island colony summer winter fish nest'.split(
  ' ',
);
/** About 700 characters, as passages of 200 tokens have. */
const WORDS_OF_PASSAGE = 160;

const { json, rows, queries } = options({
  rows: { type: 'string', default: '100000' },
  queries: { type: 'string', default: '200' },
});
const load = async (path) => {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  return (await runnerImport(file, { configFile: false, logLevel: 'error' })).module;
};
const { buildShards, ShardedIndex } = await load('src/shards/index.ts');
const { serve } = await load('src/shards/testing/static-host.ts');
const { randomNumbers } = await load('src/shards/random.ts');

const count = Number(rows);
const asked = Number(queries);
const results = [];
for (const make of [seeded, cloud]) {
  const { name, vectors, asks } = make();
  const files = new Map();
  const began = performance.now();
  const header = { space: 'bench@0000000000000000/256', dimensions: DIMENSIONS };
  const report = await buildShards(passages(vectors), header, {}, (file, bytes) => {
    files.set(file, bytes);
  });
  const seconds = (performance.now() - began) / 1000;
  const first = ['centroids', 'clusters', 'search'];
  const isFirst = (file) => first.some((kind) => file.startsWith(kind));
  const firstBytes = [...files].reduce((sum, [file, { length }]) => sum + (isFirst(file) ? length : 0), 0);
  const host = await serve(files);
  for (const [kind, all] of Object.entries(asks)) {
    const row = {
      set: name,
      queries: kind,
      ...(await ask(host, vectors, all)),
      probes: report.probes,
      clusters: report.clusters,
      shards: [...files.keys()].filter((file) => file.startsWith('shard')).length,
      'centroids KB': firstBytes / 1000,
      'all files MB': report.bytes / 1e6,
      'build s': seconds,
    };
    console.error(row);
    results.push(row);
  }
  await host.close();
}
table(results);
finish(
  { rows: results, ratios: [], machine: { passages: count, dimensions: DIMENSIONS, queries: asked } },
  json,
);

/** The set of the races of indexes, see lib/vectors.mjs. */
function seeded() {
  const folder = mkdtempSync(join(tmpdir(), 'sterna-'));
  const set = seededSet(folder, count, 2 * asked);
  const vectors = readRows(set.vectors, DIMENSIONS, 0, count);
  const all = rowsOf(set.queries, DIMENSIONS);
  rmSync(folder, { recursive: true });
  const asks = { rows: all.filter((_, i) => i % 2 === 0), middles: all.filter((_, i) => i % 2 === 1) };
  return { name: 'seeded', vectors, asks };
}

function cloud() {
  const random = randomNumbers(7);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const rotate = rotation(random);
  const draw = (vector) => {
    for (let i = 0; i < DIMENSIONS; i++) vector[i] = normal() * (1 + i) ** -0.7;
    rotate(vector);
    const length = Math.hypot(...vector);
    for (let i = 0; i < DIMENSIONS; i++) vector[i] /= length;
    return vector;
  };
  const vectors = new Float32Array(count * DIMENSIONS);
  for (let row = 0; row < count; row++) draw(vectors.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS));
  const all = Array.from({ length: asked }, () => draw(new Float32Array(DIMENSIONS)));
  return { name: 'cloud', vectors, asks: { rows: all } };
}

/** Takes what is along the axes off them: random signs and a Walsh-Hadamard transform, twice. */
function rotation(random) {
  const signs = [0, 1].map(() => Float32Array.from({ length: DIMENSIONS }, () => (random() < 0.5 ? -1 : 1)));
  return (vector) => {
    for (const sign of signs) {
      for (let i = 0; i < DIMENSIONS; i++) vector[i] *= sign[i];
      for (let step = 1; step < DIMENSIONS; step *= 2) {
        for (let i = 0; i < DIMENSIONS; i++) {
          if (i & step) continue;
          const [a, b] = [vector[i], vector[i + step]];
          vector[i] = a + b;
          vector[i + step] = a - b;
        }
      }
    }
  };
}

function* passages(vectors) {
  const random = randomNumbers(1);
  for (let row = 0; row < vectors.length / DIMENSIONS; row++) {
    const words = Array.from({ length: WORDS_OF_PASSAGE }, () => WORDS[Math.floor(random() * WORDS.length)]);
    const text = words.join(' ');
    const metadata = { title: `Document ${row}`, url: `/docs/${row}.html` };
    const vector = vectors.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS);
    yield { id: `${row}`, passage: 0, start: 0, end: text.length, text, document: text, metadata, vector };
  }
}

/** Recall, bytes and requests of searches. */
async function ask(host, vectors, all) {
  let hits = 0;
  let cosine = 0;
  const searches = [];
  for (const query of all) {
    const index = await ShardedIndex.open(host.address);
    const before = host.log.length;
    const start = performance.now();
    const result = await index.search(query, { k: NEAREST });
    const milliseconds = performance.now() - start;
    const log = host.log.slice(before);
    const bytes = log.reduce((sum, one) => sum + one.bytes, 0);
    searches.push({ bytes, milliseconds, requests: log.length });
    const { ids, best } = exact(vectors, query);
    cosine += best / all.length;
    hits += result.hits.filter(({ id }) => ids.has(id)).length;
  }
  const at = (key, share) => {
    const sorted = searches.map((search) => search[key]).sort((a, b) => a - b);
    return sorted[Math.round(share * (sorted.length - 1))];
  };
  return {
    'cosine of the nearest': cosine,
    'recall@10': hits / (NEAREST * all.length),
    'KB p50': at('bytes', 0.5) / 1000,
    'KB p95': at('bytes', 0.95) / 1000,
    'KB most': at('bytes', 1) / 1000,
    'requests p50': at('requests', 0.5),
    'ms p50': at('milliseconds', 0.5),
  };
}

/** The nearest rows by a loop. */
function exact(vectors, query) {
  const best = [];
  for (let row = 0, at = 0; at < vectors.length; row++) {
    let score = 0;
    for (let i = 0; i < DIMENSIONS; i++) score += query[i] * vectors[at++];
    if (best.length === NEAREST && score <= best[NEAREST - 1].score) continue;
    let place = best.length;
    while (place > 0 && best[place - 1].score < score) place--;
    best.splice(place, 0, { row, score });
    best.length = Math.min(best.length, NEAREST);
  }
  return { ids: new Set(best.map(({ row }) => `${row}`)), best: best[0].score };
}
