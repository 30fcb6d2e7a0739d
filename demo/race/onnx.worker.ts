/**
 * onnxruntime-web in a worker of its own, as Sterna is: the page stays free, and to stop it is to end the worker. The ONNX file is
 * made here, from the checkpoint that Sterna reads.
 */
import { expose, transfer } from 'comlink';
import type { InferenceSession } from 'onnxruntime-web';
import gpuModule from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import gpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import cpuModule from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import cpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { toOnnx } from '../../bench/lib/onnx.mjs';
import config from '../../models/nano/config.json';
import type { Lane } from './lanes.ts';
import { type Measured, measure } from './timing.ts';
import { readWeights } from './weights.ts';

/** The builds of onnxruntime-web, and the files that it is to find beside itself: bundlers give them other names. */
const RUNTIMES = {
  wasm: { load: () => import('onnxruntime-web/wasm'), files: { mjs: cpuModule, wasm: cpuWasm } },
  webgpu: { load: () => import('onnxruntime-web/webgpu'), files: { mjs: gpuModule, wasm: gpuWasm } },
};

type Runtime = Awaited<ReturnType<(typeof RUNTIMES)['wasm']['load']>>;

let ort: Runtime;
let session: InferenceSession;

const worker = {
  /** @returns the version of onnxruntime-web. */
  async load({ device, precision, threads }: Lane): Promise<string> {
    const { load, files } = RUNTIMES[device];
    ort = await load();
    ort.env.wasm.wasmPaths = absolute(files);
    ort.env.wasm.numThreads = threads;
    ort.env.webgpu.powerPreference = 'high-performance';
    ort.env.logLevel = 'error';
    const answer = await fetch(new URL('../../models/nano/model.safetensors', import.meta.url));
    if (!answer.ok) throw new Error(`model.safetensors: the server answers ${answer.status}.`);
    const weights = readWeights(await answer.arrayBuffer());
    const file = toOnnx(config, weights, { int8: precision === 'int8' });
    session = await ort.InferenceSession.create(file, {
      executionProviders: [device],
      logSeverityLevel: 3, // errors; that some operators stay on the processor is no news
    });
    return ort.env.versions.web ?? 'unknown';
  },

  /** Measured here, so that messages between page and worker cost it nothing; Sterna's cost Sterna. */
  async measure(texts: readonly (readonly number[])[]): Promise<Measured> {
    const measured = await measure(() => embed(texts));
    return transfer(
      measured,
      measured.vectors.map(({ buffer }) => buffer),
    );
  },
};

/** What an application does: padded ids and their mask in, the first row of each text out, at unit length. */
async function embed(texts: readonly (readonly number[])[]): Promise<Float32Array<ArrayBuffer>[]> {
  const longest = Math.max(...texts.map(({ length }) => length));
  const shape = [texts.length, longest];
  const ids = new BigInt64Array(texts.length * longest).fill(BigInt(config.pad_token_id));
  const mask = new BigInt64Array(texts.length * longest);
  for (const [i, text] of texts.entries()) {
    ids.set(BigInt64Array.from(text, BigInt), i * longest);
    mask.fill(1n, i * longest, i * longest + text.length);
  }
  const { last_hidden_state: states } = await session.run({
    input_ids: new ort.Tensor('int64', ids, shape),
    attention_mask: new ort.Tensor('int64', mask, shape),
  });
  const rows = states.data as Float32Array;
  const width = states.dims[2];
  return texts.map((_, i) => {
    const first = Float32Array.from(rows.subarray(i * longest * width, i * longest * width + width));
    const length = Math.hypot(...first);
    return first.map((value) => value / length);
  });
}

/** Addresses in full, as the module among them starts threads and would look for its files elsewhere. */
function absolute<T extends Record<string, string>>(files: T): Record<keyof T, string> {
  const entries = Object.entries(files).map(([name, file]) => [name, new URL(file, import.meta.url).href]);
  return Object.fromEntries(entries);
}

expose(worker);

export type OnnxWorker = typeof worker;
