/**
 * Sterna against onnxruntime-web's WebGPU provider in Node, both on Dawn: for a GPU in a machine without a browser.
 *
 *     npm run bench:gpu [-- --json FILE] [--models nano,e5-small-like] [--shapes 1x16,8x128,32x128] [--rounds 7] [--no-peer]
 *
 * Needs `npm run build` and the package `webgpu` with a Vulkan, Metal or D3D12 driver. Says how much of the adapter's own peak in
 * matrix products of float32 the projections reach.
 */
import { create, globals } from 'webgpu';
import { Embedder } from '../dist/node.js';
import { tokenIds } from './lib/inputs.mjs';
import { makeModel, SHAPES } from './lib/models.mjs';
import { openOnnx } from './lib/onnx-on-dawn.mjs';
import { finish, median, options, ratio, table } from './lib/report.mjs';

const arguments_ = options({
  models: { type: 'string', default: 'nano,e5-small-like' },
  shapes: { type: 'string', default: '1x16,8x128,32x128' },
  rounds: { type: 'string', default: '7' },
  'no-peer': { type: 'boolean', default: false },
});
const rounds = Number(arguments_.rounds);
const root = new URL('../', import.meta.url);

Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (!adapter) throw new Error('Dawn finds no adapter: install a driver, or name one in VK_ICD_FILENAMES.');
const { vendor, architecture, device: name, description } = adapter.info;
const machine = {
  adapter: [vendor, architecture, name, description].filter(Boolean).join(' '),
  float16: adapter.features.has('shader-f16'),
  'peak TFLOP/s': await peakOf(await adapter.requestDevice()),
};
console.log(machine);

const rows = [];
const ratios = [];
for (const model of arguments_.models.split(',')) await raceModel(model);
table(rows);
finish({ rows, ratios, machine }, arguments_.json);
process.exit(0); // Dawn's threads would keep the process.

async function raceModel(model) {
  const folder = makeModel(model);
  const lanes = [];
  for (const precision of ['f32', 'f16', 'q8', 'q4']) {
    if (precision === 'f16' && !machine.float16) continue;
    const embedder = await Embedder.create({
      model: new URL(folder, root).pathname,
      device: 'webgpu',
      precision,
      batchTokens: 8192,
    });
    console.error(embedder.report.notes.join(' '));
    const run = async (texts) => (await embedder.embed(texts)).embeddings.map(({ values }) => values);
    lanes.push({ name: `sterna webgpu ${precision}`, run, close: () => embedder.dispose(), times: [] });
  }
  if (!arguments_['no-peer'])
    lanes.push({ ...(await openOnnx(gpu, new URL(`${folder}onnx/model.onnx`, root))), times: [] });
  for (const shape of arguments_.shapes.split(',')) {
    const texts = tokenIds(shape).map((ids) => Uint32Array.from(ids));
    const tokens = texts.reduce((sum, { length }) => sum + length, 0);
    for (const lane of lanes) lane.times = [];
    for (let round = -1; round < rounds; round++) {
      const vectors = [];
      for (const lane of lanes) {
        const { milliseconds, result } = await timed(() => lane.run(texts));
        if (round >= 0) lane.times.push(milliseconds);
        vectors.push(result);
      }
      if (round === -1) agree(lanes, vectors);
    }
    for (const { name, times } of lanes) {
      const ms = median(times);
      const rate = (tokens * operationsPerToken(model)) / ms / 1e9;
      rows.push({
        model,
        shape,
        engine: name,
        ms,
        'tokens/s': (1000 * tokens) / ms,
        'TFLOP/s': rate,
        'of peak': `${((100 * rate) / machine['peak TFLOP/s']).toFixed(0)} %`,
      });
    }
    const theirs = lanes.find(({ name }) => name.startsWith('onnxruntime'));
    for (const ours of theirs ? lanes.filter((lane) => lane !== theirs) : []) {
      const speeds = ({ times }) => times.map((milliseconds) => 1000 / milliseconds);
      ratios.push(ratio(`${model} ${shape}: ${ours.name} / ${theirs.name}`, speeds(ours), speeds(theirs)));
    }
    console.error(`${model} ${shape} done`);
  }
  for (const { close } of lanes) await close();
}

/** The median of some calls in a row; short ones are repeated until they have taken long enough to be measured. */
async function timed(run) {
  let result = await run();
  const times = [];
  for (let total = 0; total < 100 && times.length < 15; total += times.at(-1)) {
    const start = performance.now();
    result = await run();
    times.push(performance.now() - start);
  }
  return { milliseconds: median(times), result };
}

function agree(lanes, vectors) {
  for (const [i, { name }] of lanes.entries()) {
    const least = /q8/.test(name) ? 0.99 : /q4/.test(name) ? 0.8 : 0.99999;
    const cosine = vectors[i][0].reduce((sum, value, k) => sum + value * vectors[0][0][k], 0);
    if (!(cosine > least)) throw new Error(`${name} gives another vector: cosine ${cosine}`);
  }
}

/** Multiplications and additions of all projections; the last layer's are counted as the others'. */
function operationsPerToken(model) {
  const {
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: layers,
    model_type: type,
  } = SHAPES[model] ?? { hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 4 };
  return 2 * layers * (4 * hidden * hidden + (type === 'gte' ? 3 : 2) * hidden * inner);
}

/** TFLOP/s of a loop of fma in registers, in the same groups of threads as the kernels have. */
async function peakOf(device) {
  const steps = 2048;
  const sums = Array.from({ length: 16 }, (_, i) => `s${i}`);
  const code = `
    @group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3u) {
      let a = vec4f(f32(id.x)) * 1e-9;
      let b = vec4f(f32(id.x & 7u) * 0.125);
      ${sums.map((sum) => `var ${sum} = a;`).join(' ')}
      for (var i = 0u; i < ${steps}u; i++) { ${sums.map((sum) => `${sum} = fma(${sum}, b, a);`).join(' ')} }
      out[id.x & 255u] = ${sums.join(' + ')};
    }`;
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const buffer = device.createBuffer({ size: 4096, usage: 0x80 });
  const entries = [{ binding: 0, resource: { buffer } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const run = async (groups) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(groups);
    pass.end();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  // As many threads as take some milliseconds.
  let groups = 16;
  while ((await run(groups)) < 20 && groups < 65535) groups = Math.min(groups * 4, 65535);
  const best = Math.min(await run(groups), await run(groups), await run(groups));
  device.destroy();
  return (groups * 64 * steps * sums.length * 4 * 2) / best / 1e9;
}
