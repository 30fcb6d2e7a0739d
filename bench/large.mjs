/**
 * The two published models at full size, with random weights in the published layout, from a hub that is next door.
 *
 *     npm run bench:large [-- --json FILE] [--models m,l] [--precisions f32,q8,q4] [--packs q8,q4] [--speed 50]
 *
 * Each is downloaded as a visitor's browser would, converted on the way and kept; then loaded again without a connection. Said are the
 * time of both, the most memory of the page's process above that of an empty page, and the least cosine to the model in float32. Then packs
 * of m are made, and a first query is asked of them over a line of `--speed` Mbit/s: how many bytes came before its vector. Needs
 * `npm run build`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomModel } from '../e2e/hub/random-model.mjs';
import { startHub } from '../e2e/hub/server.mjs';
import { addressOf, peakMemory, renderers, withBrowser } from './lib/browser.mjs';
import { finish, options, table } from './lib/report.mjs';

const arguments_ = options({
  models: { type: 'string', default: 'm,l' },
  precisions: { type: 'string', default: 'f32,q8,q4' },
  packs: { type: 'string', default: 'q8,q4' },
  speed: { type: 'string', default: '50' },
});
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

await withBrowser(async (browser) => {
  for (const name of names) {
    let exact;
    for (const precision of list(arguments_.precisions)) {
      const context = await browser.newContext();
      const first = await visit(context, name, precision);
      hub.faults.add({ kind: 'offline' });
      // A browser without a profile on the disk has no room for the largest: they are not kept then.
      const again = await visit(context, name, precision).catch(() => undefined);
      hub.faults.clear();
      await context.close();
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
    const context = await browser.newContext();
    const cold = await firstQuery(context, precision);
    const warm = await firstQuery(context, precision);
    await context.close();
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

/** Loads a model in a page of its own, and embeds. */
async function visit(context, name, precision) {
  const blank = await context.newPage();
  await blank.goto(`${addressOf('e2e/pages/blank.html')}`);
  const [empty] = await Promise.all([largest(new Set())]);
  const before = new Set(renderers());
  await blank.close();
  const page = await context.newPage();
  await page.goto(`${addressOf('e2e/pages/blank.html')}`);
  const sentBefore = hub.requests.reduce((sum, { bytes }) => sum + bytes, 0);
  const { vectors, milliseconds } = await page.evaluate(
    async ([model, baseUrl, revision, wanted, all]) => {
      const { Embedder } = await import('sterna');
      const start = performance.now();
      const embedder = await Embedder.create({
        model,
        baseUrl,
        revision,
        device: 'wasm',
        precision: wanted,
      });
      const { embeddings } = await embedder.embed(all, { task: 'query' });
      const taken = performance.now() - start;
      globalThis.embedder = embedder;
      return { vectors: embeddings.map(({ values }) => [...values]), milliseconds: taken };
    },
    [`test/${name}`, hub.url, models[`test/${name}`].commit, precision, texts],
  );
  const memory = largest(before) - empty;
  const sent = hub.requests.reduce((sum, { bytes }) => sum + bytes, 0) - sentBefore;
  await page.close();
  return { vectors, seconds: milliseconds / 1000, memory, megabytes: sent / 1e6 };
}

/** Asks one query of a pack in a page of its own. */
async function firstQuery(context, precision) {
  const blank = await context.newPage();
  await blank.goto(addressOf('e2e/pages/blank.html'));
  const empty = largest(new Set());
  const known = new Set(renderers());
  await blank.close();
  const page = await context.newPage();
  await page.goto(addressOf('e2e/pages/blank.html'));
  const total = () => hub.requests.reduce((sum, { bytes }) => sum + bytes, 0);
  const before = total();
  const seconds = await page.evaluate(
    async ([model, query]) => {
      const { Embedder } = await import('sterna');
      const start = performance.now();
      globalThis.embedder = await Embedder.create({ model, device: 'wasm', keep: 'needed' });
      await globalThis.embedder.embed(query, { task: 'query' });
      return (performance.now() - start) / 1000;
    },
    [`${hub.url}/folder/${precision}/`, texts[0]],
  );
  const megabytes = (total() - before) / 1e6;
  const memory = largest(known) - empty;
  await page.close();
  return { seconds, megabytes, memory };
}

function largest(before) {
  return Math.max(...renderers().flatMap((pid) => (before.has(pid) ? [] : [peakMemory(pid)])));
}

function cosine(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
