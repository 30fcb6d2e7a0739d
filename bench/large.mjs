/**
 * The two published models at full size, with random weights in the published layout, from a hub that is next door.
 *
 *     npm run bench:large [-- --json FILE] [--models m,l] [--precisions f32,q8,q4] [--packs q8,q4] [--speed 50]
 *
 * Each is downloaded as a visitor's browser would, converted on the way and kept; then loaded again without a connection. Said are the
 * time of both, the most memory of the page's process above that of an empty page (Linux), and the least cosine to the model in float32. Then packs
 * of m are made, and a first query is asked of them over a line of `--speed` Mbit/s: how many bytes came before its vector. Needs
 * `npm run build`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomModel } from '../e2e/hub/random-model.mjs';
import { startHub } from '../e2e/hub/server.mjs';
import { withServer } from './lib/browser.mjs';
import { finish, options, table } from './lib/report.mjs';
import { visitPage } from './lib/visit.mjs';

const arguments_ = options({
  models: { type: 'string', default: 'm,l' },
  precisions: { type: 'string', default: 'f32,q8,q4' },
  packs: { type: 'string', default: 'q8,q4' },
  speed: { type: 'string', default: '50' },
});
const PAGE = 'bench/pages/visit.html';
const families = { m: 'gte', l: 'xlm-roberta' };
const texts = ['Where do puffins nest?', 'Der letzte Zug zum Flughafen fährt um elf.', 'A blue cat.'];

const rows = [];
const packs = [];
const list = (text) => text.split(',').filter((word) => word !== '');
const names = list(arguments_.models);
const models = Object.fromEntries(
  [...new Set([...names, 'm'])].map((name) => [`test/${name}`, randomModel({ family: families[name] })]),
);
const temporary = mkdtempSync(join(tmpdir(), 'sterna-'));
const folders = Object.fromEntries(
  list(arguments_.packs).map((precision) => [precision, join(temporary, precision)]),
);
const hub = await startHub({ models, folders });
for (const [precision, folder] of Object.entries(folders)) {
  const from = ['test/m', '--base-url', hub.url, '--revision', models['test/m'].commit];
  const to = ['--precision', precision, '--output', folder, '--quiet'];
  await promisify(execFile)(process.execPath, ['dist/cli.js', 'convert', ...from, ...to]);
}

await withServer(async () => {
  const empty = (await inProfile((profile) => visitPage(PAGE, {}, profile))).memory;
  /** Loads a model in a browser of its own, and embeds. */
  const visit = async (profile, options, asked) => {
    const sent = () => hub.requests.reduce((sum, { bytes }) => sum + bytes, 0);
    const before = sent();
    const { found, memory } = await visitPage(
      PAGE,
      { options: { device: 'wasm', ...options }, texts: asked },
      profile,
    );
    return { ...found, memory: memory - empty, megabytes: (sent() - before) / 1e6 };
  };

  for (const name of names) {
    const { commit } = models[`test/${name}`];
    let exact;
    for (const precision of list(arguments_.precisions)) {
      const options = { model: `test/${name}`, baseUrl: hub.url, revision: commit, precision };
      const [first, again] = await inProfile(async (profile) => {
        const online = await visit(profile, options, texts);
        hub.faults.add({ kind: 'offline' });
        // A disk may have no room for the largest: they are not kept then.
        const offline = await visit(profile, options, texts).catch(() => undefined);
        hub.faults.clear();
        return [online, offline];
      });
      exact ??= first.vectors;
      rows.push({
        model: `${name}-v2.0-like`,
        precision,
        'downloaded MB': first.megabytes,
        'first load s': first.seconds,
        'peak MB': first.memory,
        'later load s': again?.seconds ?? 'not kept',
        'later peak MB': again?.memory ?? '',
        'least cosine': Math.min(...first.vectors.map((vector, i) => cosine(vector, exact[i]))),
        'same again':
          again?.vectors.every((vector, i) => vector.every((value, k) => value === first.vectors[i][k])) ??
          '',
      });
      console.error(JSON.stringify(rows.at(-1)));
    }
  }
  hub.faults.set({ kind: 'throttle', bytesPerSecond: (Number(arguments_.speed) * 1e6) / 8 });
  for (const precision of Object.keys(folders)) {
    const options = { model: `${hub.url}/folder/${precision}/`, keep: 'needed' };
    const [cold, warm] = await inProfile(async (profile) => [
      await visit(profile, options, texts.slice(0, 1)),
      await visit(profile, options, texts.slice(0, 1)),
    ]);
    packs.push({
      model: 'm-v2.0-like',
      pack: precision,
      'Mbit/s': Number(arguments_.speed),
      'MB before the first vector': cold.megabytes,
      'first vector s': cold.seconds,
      'peak MB': cold.memory,
      'at a later visit MB': warm.megabytes,
      'at a later visit s': warm.seconds,
      'peak MB then': warm.memory,
    });
    console.error(JSON.stringify(packs.at(-1)));
  }
});
await hub.close();
rmSync(temporary, { recursive: true });
for (const some of [rows, packs]) if (some.length > 0) table(some);
finish({ rows, ratios: [], packs }, arguments_.json);

/** Runs with a profile that is thrown away. */
async function inProfile(run) {
  const profile = mkdtempSync(join(tmpdir(), 'sterna-'));
  try {
    return await run(profile);
  } finally {
    // What the browser has started may still write to it for a moment.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

function cosine(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
