import { Worker } from 'node:worker_threads';
import { serveChunks, type ThreadStarter } from '../wasm/crew.ts';

/** A thread of Node that helps with WebAssembly kernels. Its code goes along as text, as there is no file of it alone. */
export const startThread: ThreadStarter = (start) =>
  new Promise((resolve, reject) => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      parentPort.postMessage('ready');
      (${serveChunks.toString()})(workerData);`;
    const worker = new Worker(code, { eval: true, workerData: start, execArgv: [] });
    worker.once('error', reject);
    worker.once('message', () => {
      worker.unref(); // it keeps the process alive no longer
      resolve(worker);
    });
  });
