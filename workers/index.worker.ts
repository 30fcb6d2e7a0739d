/**
 * The index's worker: one index, whose files it holds, behind messages. Import it as `sterna/index-worker` to start it from a worker of your own. The
 * other threads that search are this same script, as bundlers know its address already.
 */

import { openDevice } from '../src/backends/webgpu/device.ts';
import { describeError } from '../src/describe-error.ts';
import type { IndexFolder } from '../src/index/files/folder.ts';
import { IndexedDbFolder } from '../src/index/files/indexeddb-folder.ts';
import { MemoryFolder } from '../src/index/files/memory-folder.ts';
import { OpfsFolder } from '../src/index/files/opfs-folder.ts';
import { Scanner } from '../src/index/scan/scanner.ts';
import type { FromIndexWorker, OpenRequest, ToIndexWorker } from '../src/search/index-link.ts';
import { IndexService } from '../src/search/index-service.ts';
import { isThread, serveThread, threadStarter } from './thread.ts';

const MOST_THREADS = 4;

let service: IndexService | undefined;
/** Closes the files, wherever they are. */
let closeFiles = () => {};
/** Whether another worker has taken the files over. */
let isSeized = false;
/** Calls under way, by their numbers. */
const calls = new Map<number, AbortController>();

async function open({ name, settings, threads }: OpenRequest): Promise<IndexService> {
  const folder = name === undefined ? new MemoryFolder() : await lastingFolder(name);
  const wanted = threads ?? Math.min(MOST_THREADS, navigator.hardwareConcurrency ?? 1);
  const scanner = await Scanner.create({ threads: wanted, startThread: threadStarter() });
  return IndexService.open({ folder, scanner, settings, openGpu });
}

/** Where an index of a name is kept, if the browser keeps anything. */
async function lastingFolder(name: string): Promise<IndexFolder> {
  const folder =
    (await OpfsFolder.at(['sterna-indexes', folderName(name)])) ??
    (await IndexedDbFolder.at(['sterna-indexes', name]));
  closeFiles = () => folder?.close();
  if (isSeized) closeFiles();
  return folder ?? new MemoryFolder();
}

/** The page's GPU, unless a processor plays it. */
async function openGpu(): Promise<GPUDevice | undefined> {
  const { device, software } = await openDevice(navigator.gpu as GPU | undefined);
  if (!software) return device;
  device.destroy();
  return undefined;
}

/** Names of folders cannot hold everything that names of indexes can. */
function folderName(name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E');
}

/**
 * Only one worker of an origin may have an index's files open. One that starts takes them from the one before, which may hang, and may not know yet that its
 * tab is not in the lead any more; that one closes its files as soon as it hears of it.
 */
function seize(name: string): Promise<void> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve();
  return new Promise((granted) => {
    const held = locks.request(`sterna index files ${name}`, { steal: true }, () => {
      granted();
      return new Promise<void>(() => {});
    });
    held.catch(() => {
      // Whatever is under way is done by the other one, once its tab hears of it. A page that hangs ends no worker, so files are closed one by one.
      isSeized = true;
      closeFiles();
      self.close();
    });
  });
}

async function answer(call: number, run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  calls.set(call, controller);
  const reply = await run(controller.signal).then(
    (product) => ({ ok: true, value: { product, report: service!.report } }) as const,
    (error) => ({ ok: false, error: describeError(error) }) as const,
  );
  calls.delete(call);
  if (isSeized) return;
  const message: FromIndexWorker = { call, reply };
  self.postMessage(message);
}

function hear({ data }: MessageEvent<ToIndexWorker>): void {
  if (data.type === 'abort') calls.get(data.call)?.abort();
  else if (data.type === 'work') void answer(data.call, (signal) => service!.perform(data.work, signal));
  else {
    void answer(data.call, async () => {
      const { request } = data;
      if (request.name !== undefined) await seize(request.name);
      service = await open(request);
    });
  }
}

if (isThread()) serveThread();
else self.addEventListener('message', hear);
