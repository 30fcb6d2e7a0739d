import { ReferenceBackend } from '../backends/reference/backend.ts';
import { WasmBackend, type WasmPrecision } from '../backends/wasm/backend.ts';
import { WebGpuBackend } from '../backends/webgpu/backend.ts';
import { openDevice } from '../backends/webgpu/device.ts';
import type { Backend } from '../encoder/backend.ts';
import { SternaError } from '../errors.ts';
import type { ThreadStarter } from '../wasm/crew.ts';
import type { Lane } from './lanes.ts';
import type { DeviceSettings } from './load-options.ts';

/** What the machine has. */
export interface Machine {
  /** Where WebGPU comes from: `navigator.gpu`, or Dawn in Node. */
  readonly gpu: () => Promise<GPU | undefined>;
  /** Threads that the processor has. */
  readonly processors: number;
  /** How to start another thread; absent where memory cannot be shared. */
  readonly startThread?: ThreadStarter;
}

/** A backend, and what is worth knowing about it. */
export interface OpenedBackend {
  readonly backend: Backend;
  readonly notes: readonly string[];
}

/** Threads by default, where the processor has more: the matmuls of a small model do not fill them. */
const MOST_DEFAULT_THREADS = 8;

/** Errors after which another device may do. */
export const IS_THE_DEVICES: ReadonlySet<string> = new Set([
  'no-webgpu',
  'no-wasm',
  'no-float16',
  'limits',
  'device-lost',
  'wrong-results',
  'not-finite',
]);

/** @throws SternaError `no-webgpu`, `no-wasm`, `limits`. */
export async function openBackend(lane: Lane, options: DeviceSettings & Machine): Promise<OpenedBackend> {
  const { device, precision } = lane;
  if (device === 'reference') return { backend: new ReferenceBackend(precision), notes: [] };
  if (device === 'wasm') return openWasm(lane, options);
  const opened = await openDevice(await options.gpu());
  try {
    if (!opened.software) return { backend: new WebGpuBackend(opened, { precision }), notes: [] };
    if (options.device === 'webgpu') {
      const notes = [`${opened.adapter} is a software adapter: right, and slow.`];
      return { backend: new WebGpuBackend(opened, { precision }), notes };
    }
    // A processor that plays a GPU is slower than the same processor asked directly.
    throw new SternaError('no-webgpu', `${opened.adapter} is a software adapter, slower than WebAssembly.`);
  } catch (error) {
    opened.device.destroy();
    throw error;
  }
}

async function openWasm(
  { precision: wanted, plain = false }: Lane,
  { processors, startThread, ...options }: DeviceSettings & Machine,
): Promise<OpenedBackend> {
  const settings = { precision: wanted as WasmPrecision, relaxed: !plain };
  const threads = options.threads ?? Math.min(processors, MOST_DEFAULT_THREADS);
  if (threads > 1 && startThread) {
    try {
      return { backend: await WasmBackend.start({ threads, startThread, ...settings }), notes: [] };
    } catch (error) {
      const note = `Runs on one thread, as others could not be started: ${(error as Error).message}`;
      return { backend: await WasmBackend.start({ threads: 1, ...settings }), notes: [note] };
    }
  }
  const alone = threads > 1 ? ['Runs on one thread, as the page is not cross-origin isolated.'] : [];
  return { backend: await WasmBackend.start({ threads: 1, ...settings }), notes: alone };
}
