/**
 * Sterna against onnxruntime-web and Transformers.js: the same weights, the same inputs, in one Chromium, in turn.
 *
 *     npm run bench [-- --quick] [--json FILE] [--only wasm,pipeline,webgpu,start,latency]
 *                   [--models nano,e5-small-like] [--shapes 1x16,8x128] [--rounds 7]
 *
 * Needs `npm run build`. Models: nano, e5-small-like (12 layers of 384), m-v2.0-like, l-v2.0-like (full size, seeded weights).
 * WebGPU runs on SwiftShader, a processor that plays a GPU; STERNA_BENCH_GPU=1 takes the machine's own GPU.
 *
 * Each engine has a page, a process and a number of threads of its own; each round asks them all once.
 */
import { cpus } from 'node:os';
import { openEngine, peakMemory, renderers, withBrowser } from './lib/browser.mjs';
import { raggedTexts, tokenIds } from './lib/inputs.mjs';
import { measureLatency } from './lib/latency.mjs';
import { makeModel } from './lib/models.mjs';
import { measurePeak } from './lib/peak.mjs';
import { finish, median, options, ratio, table } from './lib/report.mjs';

const arguments_ = options({
  quick: { type: 'boolean', default: false },
  only: { type: 'string', default: 'wasm,pipeline,webgpu,start,latency' },
  models: { type: 'string', default: 'nano,e5-small-like' },
  shapes: { type: 'string' },
  rounds: { type: 'string' },
});
const { quick } = arguments_;
const parts = arguments_.only.split(',');
const models = arguments_.models.split(',');
const rounds = Number(arguments_.rounds ?? (quick ? 3 : 7));
const threads = cpus().length;
const counts = [...new Set([1, threads])];
/** Positions of nano. */
const LONGEST_OF_NANO = 512;

const onnx = { engine: 'onnxruntime', device: 'wasm' };
const wasmEngines = [
  { name: 'sterna wasm f32', engine: 'sterna', device: 'wasm', precision: 'f32' },
  { name: 'sterna wasm q8', engine: 'sterna', device: 'wasm', precision: 'q8' },
  { name: 'onnxruntime wasm f32', ...onnx, file: 'onnx/model.onnx' },
  { name: 'onnxruntime wasm int8', ...onnx, file: 'onnx/model_quantized.onnx' },
].flatMap((engine) => counts.map((count) => ({ ...engine, threads: count })));
const pipelines = [
  { name: 'sterna wasm f32', engine: 'sterna', device: 'wasm', precision: 'f32', threads },
  { name: 'sterna wasm q8', engine: 'sterna', device: 'wasm', precision: 'q8', threads },
  { name: 'transformers.js wasm fp32', engine: 'transformers', device: 'wasm', dtype: 'fp32', threads },
  { name: 'transformers.js wasm q8', engine: 'transformers', device: 'wasm', dtype: 'q8', threads },
];
const gpuEngines = [
  { name: 'sterna webgpu f32', engine: 'sterna', device: 'webgpu', precision: 'f32', threads: 1 },
  { name: 'sterna webgpu q8', engine: 'sterna', device: 'webgpu', precision: 'q8', threads: 1 },
  { name: 'onnxruntime webgpu f32', ...onnx, device: 'webgpu', file: 'onnx/model.onnx', threads: 1 },
];

const rows = [];
const ratios = [];
const extra = {};

await withBrowser(async (browser) => {
  extra.chromium = browser.version();
  if (parts.includes('wasm')) {
    const page = await browser.newPage();
    extra.peak = await measurePeak(page);
    await page.close();
    for (const model of models) await raceWasm(browser, model);
  }
  if (parts.includes('pipeline')) await racePipelines(browser);
  if (parts.includes('webgpu')) for (const model of quick ? ['nano'] : models) await raceGpu(browser, model);
  if (parts.includes('start')) extra.start = await measureStarts(browser, models[0]);
  if (parts.includes('latency'))
    extra.latency = await measureLatency(browser, makeModel('nano'), { threads });
});

if (rows.length > 0) table(rows);
if (extra.peak) showPeak();
for (const name of ['start', 'latency']) if (extra[name]) table(extra[name]);
const { start, latency, peak, ...machine } = extra;
finish({ rows, ratios, machine, start, latency, peak }, arguments_.json);

/** ORT's best against ours, on the processor. */
async function raceWasm(browser, model) {
  const large = !['nano', 'e5-small-like'].includes(model);
  const shapes = (
    arguments_.shapes ??
    (quick
      ? `1x16,8x128,32x64${model === 'nano' ? ',ragged' : ''}`
      : large
        ? '1x16,1x128,8x128'
        : '1x16,1x128,8x128,32x64,1x512,1x2048,1x8192,ragged')
  )
    .split(',')
    .filter((shape) => model !== 'nano' || tokensOf(tokenIds(shape).slice(0, 1)) <= LONGEST_OF_NANO);
  const lanes = await openLanes(browser, model, wasmEngines);
  for (const shape of shapes) {
    const texts = tokenIds(shape);
    const tokens = tokensOf(texts);
    // One thread is no match for several where there is much to do.
    const racing = lanes.filter((lane) => tokens <= 512 || lane.threads === threads);
    await race(model, shape, racing, texts, tokens);
    compare(model, shape, racing, 'sterna wasm f32', ['onnxruntime wasm f32']);
    compare(model, shape, racing, 'sterna wasm q8', ['onnxruntime wasm f32', 'onnxruntime wasm int8']);
  }
  await closeAll(lanes);
}

/** Texts in, vectors out: tokenizers and padding included. */
async function racePipelines(browser) {
  const lanes = await openLanes(browser, 'nano', pipelines);
  const texts = raggedTexts(64);
  const [{ page }] = lanes;
  const tokens = await page.evaluate((all) => globalThis.countTokens(all), texts);
  await race('nano', 'ragged texts', lanes, texts, tokens);
  compare('nano', 'ragged texts', lanes, 'sterna wasm f32', ['transformers.js wasm fp32']);
  const both = ['transformers.js wasm fp32', 'transformers.js wasm q8'];
  compare('nano', 'ragged texts', lanes, 'sterna wasm q8', both);
  await closeAll(lanes);
}

async function raceGpu(browser, model) {
  const shapes =
    quick || !process.env.STERNA_BENCH_GPU
      ? ['1x16', '8x128']
      : ['1x16', '1x128', '8x128', '32x64', '32x128'];
  const lanes = await openLanes(browser, model, gpuEngines);
  for (const shape of arguments_.shapes?.split(',') ?? shapes) {
    const texts = tokenIds(shape);
    await race(
      model,
      shape,
      lanes,
      texts,
      tokensOf(texts),
      process.env.STERNA_BENCH_GPU ? rounds : Math.min(rounds, 3),
    );
    compare(model, shape, lanes, 'sterna webgpu f32', ['onnxruntime webgpu f32']);
  }
  await closeAll(lanes);
}

async function openLanes(browser, model, engines) {
  const folder = makeModel(model);
  const lanes = [];
  for (const settings of engines) {
    const { page, loaded, close } = await openEngine(browser, folder, settings);
    if (settings.device === 'webgpu' && loaded.name && settings.engine === 'sterna')
      extra.adapter = loaded.name;
    lanes.push({ ...settings, page, close, times: [] });
  }
  return lanes;
}

async function closeAll(lanes) {
  for (const { close } of lanes) await close();
}

/**
 * Some rounds of all lanes in turn, after one that warms up and shows that all compute the same. A peer that cannot run the shape
 * drops out, with its own words for it in the table.
 */
async function race(model, shape, lanes, inputs, tokens, times = rounds) {
  for (const lane of lanes) lane.times = [];
  const running = [];
  const first = [];
  for (const lane of lanes) {
    const { name, threads: count } = lane;
    try {
      first.push((await lane.page.evaluate((all) => globalThis.measure(all), inputs)).vectors);
      running.push(lane);
    } catch (error) {
      if (lane.engine === 'sterna') throw error;
      const words = error.message.split('\n')[0].slice(0, 160);
      rows.push({ model, shape, engine: name, threads: count, ms: 'fails', 'tokens/s': words });
    }
  }
  checkAgreement(running, first);
  for (let round = 0; round < times; round++) {
    for (const lane of running)
      lane.times.push((await lane.page.evaluate((all) => globalThis.measure(all), inputs)).milliseconds);
  }
  for (const { name, threads: count, times: measured } of running) {
    const ms = median(measured);
    rows.push({ model, shape, engine: name, threads: count, ms, 'tokens/s': (1000 * tokens) / ms });
  }
  console.error(`${model} ${shape} done`);
}

/** A ratio of speeds, each side at its best number of threads. */
function compare(model, shape, lanes, ours, theirs) {
  const best = (names) =>
    lanes
      .filter(({ name, times }) => names.includes(name) && times.length > 0)
      .sort((a, b) => median(a.times) - median(b.times))[0];
  const [mine, other] = [best([ours]), best(theirs)];
  if (!other) return;
  const speeds = ({ times }) => times.map((milliseconds) => 1000 / milliseconds);
  const of = ({ name, threads: count }) => `${name} (${count})`;
  const name = `${model} ${shape}: ${of(mine)} / ${theirs.length > 1 ? 'their best, ' : ''}${of(other)}`;
  ratios.push(ratio(name, speeds(mine), speeds(other)));
}

/** A race between engines that compute different things would be no race. */
function checkAgreement(lanes, vectors) {
  for (const [i, { name }] of lanes.entries()) {
    const rounded = /int8|js.*q8/.test(name) ? 0.9 : /q8/.test(name) ? 0.99 : 0.99999;
    for (const [text, vector] of vectors[i].entries()) {
      const cosine = vector.reduce((sum, value, k) => sum + value * vectors[0][text][k], 0);
      if (!(cosine > rounded)) throw new Error(`${name} gives another vector: cosine ${cosine}`);
    }
  }
}

/** From the opening of a page to its first vector, and the most memory that its process has had meanwhile, above that of an empty page. */
async function measureStarts(browser, model) {
  const folder = makeModel(model);
  const engines = [...wasmEngines.filter((engine) => engine.threads === threads), ...pipelines.slice(2)];
  const times = new Map(engines.map(({ name }) => [name, { first: [], memory: [] }]));
  const [query] = raggedTexts(1);
  const ids = tokenIds('1x16');
  const known = new Set(renderers());
  const blank = await browser.newContext();
  await (await blank.newPage()).goto('about:blank');
  const empty = largest(known);
  await blank.close();
  for (let round = 0; round < (quick ? 2 : 5); round++) {
    for (const settings of engines) {
      const before = new Set(renderers());
      const { page, close } = await openEngine(browser, folder, settings);
      const input = settings.engine === 'transformers' ? [query] : ids;
      const first = await page.evaluate((all) => globalThis.first(all), input);
      const measured = times.get(settings.name);
      measured.first.push(first);
      measured.memory.push(largest(before) - empty);
      await close();
    }
  }
  return engines.map(({ name }) => ({
    model,
    engine: name,
    'first vector after ms': median(times.get(name).first),
    'peak memory MB': median(times.get(name).memory),
  }));
}

/** The most memory of a process that was not there before; browsers keep a spare one, which is small. */
function largest(before) {
  return Math.max(...renderers().flatMap((pid) => (before.has(pid) ? [] : [peakMemory(pid)])));
}

/** How near the kernels come to what the processor can do at most, by all multiplications of a batch. */
function showPeak() {
  const { f32, int8 } = extra.peak;
  console.log(`SIMD peak of a thread: ${f32.toFixed(0)} GFLOP/s in f32, ${int8.toFixed(0)} GOP/s in int8.`);
  const shape = { layers: 12, hidden: 384, inner: 1536 };
  const { layers, hidden, inner } = shape;
  const each = 2 * layers * (4 * hidden * hidden + 2 * hidden * inner);
  for (const { model, shape: name, engine, threads: count, 'tokens/s': speed } of rows) {
    if (model !== 'e5-small-like' || name !== '8x128' || !engine.startsWith('sterna wasm')) continue;
    const rate = (speed * each) / 1e9 / count;
    const share = rate / (engine.endsWith('q8') ? int8 : f32);
    const words = `${engine}, 12×384, 8×128: ${rate.toFixed(0)} GOP/s a thread in projections alone`;
    console.log(
      `${words}, ${(100 * share).toFixed(0)} % of the peak, with attention and all else in the same time.`,
    );
  }
}

function tokensOf(texts) {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
