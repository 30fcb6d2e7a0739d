import { wrap } from 'comlink';
import { Embedder } from '../../src/index.ts';
import type { Lane } from './lanes.ts';
import type { OnnxWorker } from './onnx.worker.ts';
import { type Measured, measure } from './timing.ts';

/** A loaded engine that can be timed. */
export interface Engine {
  /** Where it tells its version. */
  readonly version?: string;
  measure(texts: readonly (readonly number[])[]): Promise<Measured>;
  dispose(): void;
}

/** Most tokens of Sterna's batches: onnxruntime takes all texts at once, too. */
const BATCH_TOKENS = 8192;

/** @param signal - ends the load, and whatever the engine does later. */
export function openEngine(lane: Lane, signal: AbortSignal): Promise<Engine> {
  return lane.engine === 'sterna' ? openSterna(lane, signal) : openOnnxruntime(lane, signal);
}

async function openSterna({ device, precision, threads }: Lane, signal: AbortSignal): Promise<Engine> {
  if (precision === 'int8') throw new Error('Sterna calls its 8 bits q8.');
  const embedder = await Embedder.create({
    device,
    precision,
    threads,
    batchTokens: BATCH_TOKENS,
    signal,
  });
  return {
    measure: (texts) =>
      measure(async () => {
        const { embeddings } = await embedder.embed(texts, { signal });
        return embeddings.map(({ values }) => values);
      }),
    dispose: () => void embedder.dispose(),
  };
}

async function openOnnxruntime(lane: Lane, signal: AbortSignal): Promise<Engine> {
  const worker = new Worker(new URL('./onnx.worker.ts', import.meta.url), {
    type: 'module',
    name: lane.name,
  });
  // A worker that has ended answers nothing any more, and whoever waits for it would wait forever.
  const end = new Promise<never>((_, reject) => {
    worker.addEventListener('error', ({ message }) => reject(new Error(message || 'Its worker has ended.')));
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  end.catch(() => {}); // it matters only to those who wait
  const remote = wrap<OnnxWorker>(worker);
  const dispose = () => worker.terminate();
  try {
    const version = await Promise.race([remote.load(lane), end]);
    return { version, measure: (texts) => Promise.race([remote.measure(texts), end]), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
