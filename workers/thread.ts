import { serveChunks, type ThreadStart, type ThreadStarter } from '../src/wasm/crew.ts';

/** Name of the workers that help the engine's with WebAssembly kernels. */
const NAME = 'sterna thread';

/** Whether this worker is such a one. */
export function isThread(): boolean {
  return self.name === NAME;
}

/** Waits for what a thread needs to begin; from then on it hears no messages. */
export function serveThread(): void {
  self.onmessage = ({ data }: MessageEvent<ThreadStart>) => {
    self.postMessage('ready');
    serveChunks(data);
  };
}

/** How to start a thread, or nothing where memory cannot be shared between workers. */
export function threadStarter(): ThreadStarter | undefined {
  return self.crossOriginIsolated ? startThread : undefined;
}

const startThread: ThreadStarter = (start) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(self.location.href, { type: 'module', name: NAME });
    worker.onmessage = () => resolve(worker);
    worker.onerror = (event) => {
      worker.terminate();
      reject(new Error(event.message || 'the script of a thread could not be loaded'));
    };
    worker.postMessage(start);
  });
