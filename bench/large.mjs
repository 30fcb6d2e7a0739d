/**
 * The two published models at full size, with random weights in the published layout, from a hub that is next door.
 *
 *     npm run bench:large [-- --json FILE] [--models m,l] [--precisions q8,q4,f16] [--speed 50]
 *
 * Each is downloaded as a visitor's browser would, converted on the way and kept; then loaded again without a connection. Said are the
 * time of both, the most memory of the page's process above that of an empty page, and the least cosine to the model in float32.
 * Needs `npm run build`. `--speed` is of the line, in Mbit/s.
 */
import { randomModel } from '../e2e/hub/random-model.mjs';
import { startHub } from '../e2e/hub/server.mjs';
import { addressOf, peakMemory, renderers, withBrowser } from './lib/browser.mjs';
import { finish, options, table } from './lib/report.mjs';

const arguments_ = options({
  models: { type: 'string', default: 'm,l' },
  precisions: { type: 'string', default: 'f32,q8,q4' },
  speed: { type: 'string' },
});
const families = { m: 'gte', l: 'xlm-roberta' };
const texts = ['Where do puffins nest?', 'Der letzte Zug zum Flughafen fährt um elf.', 'A blue cat.'];

const rows = [];
const names = arguments_.models.split(',');
const models = Object.fromEntries(
  names.map((name) => [`test/${name}`, randomModel({ family: families[name] })]),
);
const hub = await startHub({ models });
if (arguments_.speed)
  hub.faults.add({ kind: 'throttle', bytesPerSecond: (Number(arguments_.speed) * 1e6) / 8 });

await withBrowser(async (browser) => {
  for (const name of names) {
    let exact;
    for (const precision of arguments_.precisions.split(',')) {
      const context = await browser.newContext();
      const first = await visit(context, name, precision);
      hub.faults.add({ kind: 'offline' });
      const again = await visit(context, name, precision);
      hub.faults.clear();
      await context.close();
      exact ??= first.vectors;
      rows.push({
        model: `${name}-v2.0-like`,
        precision,
        'downloaded MB': first.megabytes,
        'first load s': first.seconds,
        'peak MB': first.memory,
        'later load s': again.seconds,
        'later peak MB': again.memory,
        'least cosine': Math.min(...first.vectors.map((vector, i) => cosine(vector, exact[i]))),
        'same again': again.vectors.every((vector, i) =>
          vector.every((value, k) => value === first.vectors[i][k]),
        ),
      });
      console.error(JSON.stringify(rows.at(-1)));
    }
  }
});
await hub.close();
table(rows);
finish({ rows, ratios: [] }, arguments_.json);

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

function largest(before) {
  return Math.max(...renderers().flatMap((pid) => (before.has(pid) ? [] : [peakMemory(pid)])));
}

function cosine(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
