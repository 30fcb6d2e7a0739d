/**
 * What each number type of the weights loses: cosines to float32, on nano, on the fixtures where they are, and on a full-size
 * l-v2.0 with seeded weights.
 *
 *     npm run bench:precision [-- --json FILE] [--models nano,xlmr-tiny,gte-tiny,l-v2.0-like]
 *
 * Needs `npm run build`. In Node on `webgpu` (f16 where the adapter has it) and `wasm` with plain SIMD; and in Chromium on `wasm` with
 * relaxed SIMD, which rounds features to 8 bits. float32 of the same device is what they are compared with.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Embedder } from '../dist/node.js';
import { openEngine, withBrowser } from './lib/browser.mjs';
import { tokenIds } from './lib/inputs.mjs';
import { makeModel } from './lib/models.mjs';
import { finish, options, table } from './lib/report.mjs';

const arguments_ = options({
  models: { type: 'string', default: 'nano,xlmr-tiny,gte-tiny,l-v2.0-like' },
});
const root = new URL('../', import.meta.url);
const fixtures = new URL('../shared/fixtures/', root);

/** Folders and inputs by name. */
const rows = [];
let adapter = 'none';
for (const name of arguments_.models.split(',')) {
  const set = setOf(name);
  if (!set) {
    console.error(`${name} is left out, as its folder is not there.`);
    continue;
  }
  for (const precision of ['f16', 'q8', 'q4']) await compareInNode(name, set, 'webgpu', precision);
  await compareInNode(name, set, 'wasm', 'q8');
  if (set.served) await compareInBrowser(name, set);
}
table(rows);
finish({ rows, ratios: [], machine: { adapter } }, arguments_.json);
process.exit(0);

function setOf(name) {
  if (name === 'nano') {
    const corpus = JSON.parse(readFileSync(new URL('demo/corpus/corpus.json', root), 'utf8'));
    const path = new URL('models/nano/', root).pathname;
    return { path, served: makeModel('nano'), inputs: corpus.map(({ text }) => text) };
  }
  const fixture = new URL(`${name}/`, fixtures);
  if (name.endsWith('-tiny')) {
    if (!existsSync(fixture)) return undefined;
    const { cases } = JSON.parse(readFileSync(new URL('cases.json', fixture), 'utf8'));
    const short = cases
      .map(({ ids, input_ids: other }) => ids ?? other)
      .filter(({ length }) => length <= 512);
    return { path: fixture.pathname, inputs: short };
  }
  const served = makeModel(name);
  return { path: new URL(served, root).pathname, served, inputs: tokenIds('6x24') };
}

async function compareInNode(model, { path, inputs }, device, precision) {
  const embed = async (kind) => {
    const embedder = await Embedder.create({ model: path, device, precision: kind });
    const { embeddings } = await embedder.embed(inputs);
    if (device === 'webgpu') adapter = embedder.report.adapter;
    await embedder.dispose();
    return embeddings.map(({ values }) => values);
  };
  try {
    add(model, `${device} ${precision}`, await embed('f32'), await embed(precision));
  } catch (error) {
    if (error.code !== 'no-float16') throw error;
    console.error(`${model}: ${error.message}`);
  }
}

async function compareInBrowser(model, { served, inputs }) {
  await withBrowser(async (browser) => {
    const vectors = {};
    for (const precision of ['f32', 'q8']) {
      const settings = { name: precision, engine: 'sterna', device: 'wasm', precision, threads: 2 };
      const { page, loaded, close } = await openEngine(browser, served, settings);
      console.error(loaded.name);
      vectors[precision] = await page.evaluate((all) => globalThis.embed(all), inputs);
      await close();
    }
    add(model, 'wasm q8, relaxed SIMD', vectors.f32, vectors.q8);
  });
}

function add(model, engine, exact, found) {
  const cosines = exact.map((a, i) => cosine(a, found[i])).sort((a, b) => a - b);
  rows.push({
    model,
    engine,
    texts: cosines.length,
    'least cosine': cosines[0].toFixed(6),
    'mean cosine': (cosines.reduce((sum, one) => sum + one) / cosines.length).toFixed(6),
  });
}

function cosine(a, b) {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}
