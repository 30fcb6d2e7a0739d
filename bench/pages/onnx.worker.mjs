/** onnxruntime-web in a worker of its own, as Sterna is. Its clock is in there: messages between page and worker cost it nothing. */
import { expose } from '/node_modules/comlink/dist/esm/comlink.mjs';
import { measure } from '../lib/measure.mjs';
import { embedPadded } from '../lib/padded.mjs';

let ort;
let session;

expose({
  async load({ model, device, threads, file }) {
    const bundle = device === 'webgpu' ? 'ort.webgpu.bundle.min.mjs' : 'ort.wasm.bundle.min.mjs';
    ort = await import(`/node_modules/onnxruntime-web/dist/${bundle}`);
    ort.env.wasm.wasmPaths = '/node_modules/onnxruntime-web/dist/';
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = 'error';
    session = await ort.InferenceSession.create(`${model}/${file}`, { executionProviders: [device] });
  },
  run: (texts) => embedPadded(ort, session, texts),
  measure: (texts) => measure(() => embedPadded(ort, session, texts)),
});
