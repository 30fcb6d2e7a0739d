/**
 * Sterna against onnxruntime-web: the same weights, the same token ids, in one Chromium, in turn.
 *
 *     npm run bench [-- --quick] [--json FILE] [--models nano,e5-small-like] [--rounds 7] [--shapes 1x16,8x128]
 *
 * Each engine has a page of its own and its own number of threads; each round asks them all once. Needs `npm run build`.
 */
import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { findChromium } from '../scripts/chromium.mjs';
import { makeModel } from './lib/models.mjs';
import { finish, median, options, ratio, table } from './lib/report.mjs';

const PORT = 4180;
const root = fileURLToPath(new URL('..', import.meta.url));

const arguments_ = options({
  quick: { type: 'boolean', default: false },
  models: { type: 'string' },
  shapes: { type: 'string' },
  rounds: { type: 'string' },
  webgpu: { type: 'boolean', default: false },
});
const { quick } = arguments_;
const models = (arguments_.models ?? 'nano,e5-small-like').split(',');
const shapes = (
  arguments_.shapes ?? (quick ? '1x16,8x128,32x64,ragged' : '1x16,1x128,8x128,32x64,1x512,ragged')
).split(',');
const rounds = Number(arguments_.rounds ?? 7);
const threads = cpus().length;

/** Engines, each with the settings of its page. */
const engines = [
  { name: 'sterna wasm f32', engine: 'sterna', device: 'wasm' },
  { name: 'sterna wasm q8', engine: 'sterna', device: 'wasm', precision: 'q8' },
  { name: 'onnxruntime wasm f32', engine: 'onnxruntime', device: 'wasm', file: 'model.onnx' },
  { name: 'onnxruntime wasm int8', engine: 'onnxruntime', device: 'wasm', file: 'model_int8.onnx' },
].flatMap((engine) => [...new Set([1, threads])].map((count) => ({ ...engine, threads: count })));
if (arguments_.webgpu) {
  // Alone, as a software adapter takes minutes for what the processor does in seconds.
  engines.length = 0;
  engines.push(
    { name: 'sterna webgpu f32', engine: 'sterna', device: 'webgpu', threads: 1 },
    {
      name: 'onnxruntime webgpu f32',
      engine: 'onnxruntime',
      device: 'webgpu',
      file: 'model.onnx',
      threads: 1,
    },
  );
}

/** Token ids of a shape such as `8x128`; of `ragged`, 64 texts of 8 to 128 tokens. */
function inputs(shape) {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
  const text = (length) => Array.from({ length }, () => 5 + Math.floor(random() * 900));
  if (shape === 'ragged') return Array.from({ length: 64 }, () => text(8 + Math.floor(random() * 121)));
  const [count, length] = shape.split('x').map(Number);
  return Array.from({ length: count }, () => text(length));
}

const server = spawn(process.execPath, ['e2e/server.mjs', String(PORT)], { cwd: root, stdio: 'inherit' });
const browser = await chromium.launch({
  executablePath: findChromium(),
  args: [
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
    '--disable-background-networking',
  ],
});
const version = browser.version();
const rows = [];
const ratios = [];
try {
  for (const model of models) await benchModel(model);
} finally {
  await browser.close();
  server.kill();
}
table(rows);
finish({ rows, ratios, chromium: version }, arguments_.json);

async function benchModel(model) {
  const folder = makeModel(model);
  const lanes = [];
  for (const settings of engines) {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(`${settings.name}: ${error.message}`));
    await page.goto(`http://localhost:${PORT}/package/bench/pages/engines.html`);
    await page.waitForFunction(() => document.title === 'ready');
    const address = `http://localhost:${PORT}/package/${folder.replace(/\/$/, '')}`;
    await page.evaluate((options) => globalThis.load(options), { ...settings, model: address });
    lanes.push({ ...settings, page, times: [] });
  }
  for (const shape of shapes) {
    const texts = inputs(shape);
    const tokens = texts.reduce((sum, { length }) => sum + length, 0);
    // One thread is no match for several where there is much to do.
    const racing = lanes.filter(
      (lane) => tokens <= 512 || lane.threads === threads || lane.device === 'webgpu',
    );
    for (const lane of racing) lane.times = [];
    // The first round warms up.
    for (let round = -1; round < rounds; round++) {
      const first = [];
      for (const lane of racing) {
        const { milliseconds, vectors } = await lane.page.evaluate((ids) => globalThis.measure(ids), texts);
        if (round >= 0) lane.times.push(milliseconds);
        first.push(vectors);
      }
      if (round === -1) checkAgreement(racing, first);
    }
    for (const { name, threads: count, times } of racing) {
      rows.push({
        model,
        shape,
        engine: name,
        threads: count,
        ms: median(times),
        'tokens/s': (1000 * tokens) / median(times),
      });
    }
    if (arguments_.webgpu) compare(model, shape, racing, 'sterna webgpu f32', ['onnxruntime webgpu f32']);
    else {
      compare(model, shape, racing, 'sterna wasm f32', ['onnxruntime wasm f32']);
      compare(model, shape, racing, 'sterna wasm q8', ['onnxruntime wasm f32', 'onnxruntime wasm int8']);
    }
    console.error(`${model} ${shape} done`);
  }
  for (const { page } of lanes) await page.close();
}

/** A ratio of speeds, each side at its best number of threads. */
function compare(model, shape, lanes, ours, theirs) {
  const best = (names) =>
    lanes.filter(({ name }) => names.includes(name)).sort((a, b) => median(a.times) - median(b.times))[0];
  const [mine, other] = [best([ours]), best(theirs)];
  const speeds = ({ times }) => times.map((milliseconds) => 1000 / milliseconds);
  const name = `${model} ${shape}: ${mine.name} (${mine.threads}) / ${theirs.length > 1 ? 'their best, ' : ''}${other.name} (${other.threads})`;
  ratios.push(ratio(name, speeds(mine), speeds(other)));
}

/** A race between engines that compute different things would be no race. */
function checkAgreement(lanes, vectors) {
  for (const [i, { name }] of lanes.entries()) {
    const least = name.includes('int8') ? 0.9 : name.includes('q8') ? 0.99 : 0.99999;
    for (const [text, vector] of vectors[i].entries()) {
      const cosine = vector.reduce((sum, value, k) => sum + value * vectors[0][text][k], 0);
      if (!(cosine > least)) throw new Error(`${name} gives another vector: cosine ${cosine}`);
    }
  }
}
