/** onnxruntime-web's WebGPU provider in Node, which it was not made for. */
import { readFileSync } from 'node:fs';
import { embedPadded } from './padded.mjs';

/**
 * Opens a model.
 *
 * @param gpu - what the package `webgpu` makes.
 * @returns a lane: a name, and a function from token ids to vectors.
 */
export async function openOnnx(gpu, file) {
  Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'node' }, configurable: true });
  allowSharedMemory();
  const turning = keepTurning();
  const bundle = new URL(
    '../../node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs',
    import.meta.url,
  );
  const ort = await import(bundle.href);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const session = await ort.InferenceSession.create(readFileSync(file), { executionProviders: ['webgpu'] });
  const run = (texts) => embedPadded(ort, session, texts);
  const close = async () => {
    await session.release();
    clearInterval(turning);
  };
  return { name: 'onnxruntime webgpu f32', run, close };
}

/** Dawn in Node takes no views of shared memory, in which the provider keeps everything. */
function allowSharedMemory() {
  const { prototype } = globalThis.GPUQueue;
  const { writeBuffer } = prototype;
  prototype.writeBuffer = function (buffer, offset, data, start = 0, size = undefined) {
    const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
    const unit = ArrayBuffer.isView(data) ? (data.BYTES_PER_ELEMENT ?? 1) : 1;
    const from = view.byteOffset + start * unit;
    const bytes = size === undefined ? view.byteLength - start * unit : size * unit;
    const copy = new Uint8Array(bytes);
    copy.set(new Uint8Array(view.buffer, from, bytes));
    return writeBuffer.call(this, buffer, offset, copy);
  };
}

/** Pipelines made asynchronously never come to be while Node's loop has nothing to do. */
function keepTurning() {
  return setInterval(() => {}, 1);
}
