/**
 * Indexes of vectors in Node: ours, a plain loop, Orama, voy, EdgeVec, hnswlib and usearch on the same vectors, side by side; and
 * MiniSearch against our ranking by words.
 *
 *     npm run bench:index [-- --quick] [--json FILE] [--sizes 10000,100000,1000000] [--parts seeded,eval,words] [--sets xquad-r,scifact,tatoeba-pool] [--only 'usearch;sterna int8']
 *
 * The peers are installed by themselves, because some are compiled then: `npm install --prefix bench/lib/peers`; those that are missing are said to be.
 * Needs no build. Each engine has a process of its own: one builds and saves the index, another one opens it and searches, and all that
 * are open do a part of the queries in turn. Recall is the share of the plain loop's ten hits. Sets of a JSON file that were measured
 * before stay in it, so that sizes can be run one by one. `--quick` takes 10,000 seeded vectors and engines that build in seconds.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureBandwidth } from './lib/bandwidth.mjs';
import { barsOf, page, rowOf } from './lib/index-report.mjs';
import { LANES } from './lib/peers/index.mjs';
import { raceVectors } from './lib/peers/race.mjs';
import { bundleSource, removeSource } from './lib/peers/source.mjs';
import { options, table } from './lib/report.mjs';
import { seededSet, spread } from './lib/vectors.mjs';

const arguments_ = options({
  quick: { type: 'boolean', default: false },
  sizes: { type: 'string', default: '10000,100000,1000000' },
  parts: { type: 'string' },
  sets: { type: 'string', default: 'xquad-r,scifact,tatoeba-pool' },
  only: { type: 'string', default: '' },
  rounds: { type: 'string', default: '5' },
  queries: { type: 'string', default: '100' },
});
const { quick, json } = arguments_;
const parts = (arguments_.parts ?? (quick ? 'seeded' : 'seeded,eval,words')).split(',');
const sizes = quick ? [10_000] : arguments_.sizes.split(',').map(Number);
const rounds = Number(arguments_.rounds);
const asked = Number(arguments_.queries);
/** Builds for which `--quick` does not wait. */
const SLOW = /edgevec|voy|hnswlib/;

const folder = mkdtempSync(join(tmpdir(), 'sterna-bench-'));
const earlier = json && existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : undefined;
const report = {
  machine: { cpu: cpus()[0]?.model ?? 'unknown', threads: cpus().length, node: process.version },
  date: new Date().toISOString(),
  sets: earlier?.sets ?? [],
  words: earlier?.words ?? [],
};

try {
  await bundleSource();
  if (parts.includes('seeded')) for (const size of sizes) await raceSet(seededSet(folder, size, asked), size);
  if (parts.includes('eval')) {
    const { evalSet, evalSets } = await import('./lib/eval-vectors.mjs');
    for (const name of evalSets(arguments_.sets.split(','))) {
      const set = await evalSet(name, folder, asked);
      await raceSet(set, set.count);
    }
  }
  if (parts.includes('words')) await raceWords();
} finally {
  rmSync(folder, { recursive: true, force: true });
  removeSource();
}
const bars = barsOf(report.sets);
if (bars.length > 0) table(bars);

async function raceSet(set, count) {
  const only = arguments_.only.split(';');
  const lanes = LANES.filter(
    ({ name, most = Number.POSITIVE_INFINITY, settings }) =>
      count <= most &&
      (settings?.threads ?? 1) <= Math.max(1, cpus().length) &&
      !(quick && SLOW.test(name)) &&
      (name === 'plain loop' ||
        only.some((word) => name === word || (name.startsWith(word) && !word.includes(' ')))),
  );
  const load = [loadavg()[0]];
  const bandwidth = [await measureBandwidth()];
  const results = await raceVectors(lanes, set, folder, rounds);
  bandwidth.push(await measureBandwidth());
  load.push(loadavg()[0]);
  const { name, dimensions } = set;
  const rows = results.map(rowOf);
  keep(report.sets, { name, count, dimensions, load, bandwidth, spread: spread(set), rows });
  if (!/eval|nano/.test(name)) rmSync(set.vectors);
  table(rows.map(({ times: _, searched: __, adding: ___, isApproximate: ____, ...row }) => row));
}

async function raceWords() {
  const { evalSets, readEval } = await import('./lib/eval-vectors.mjs');
  const { raceByWords } = await import('./lib/words.mjs');
  for (const name of evalSets(arguments_.sets.split(','))) {
    const rows = await raceByWords(name, readEval(name), asked);
    for (const row of rows) keep(report.words, row);
    table(rows);
  }
}

/** Puts what was measured in the place of what was measured before, and all of it into the file. */
function keep(all, measured) {
  const isSame = (other) => other.name === measured.name && other.engine === measured.engine;
  const at = all.findIndex(isSame);
  if (at < 0) all.push(measured);
  else all[at] = measured;
  if (!json) return;
  mkdirSync(join(json, '..'), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ ...report, bars: barsOf(report.sets) }, null, 2)}\n`);
  writeFileSync(json.replace(/(\.json)?$/, '.md'), page(report));
}
