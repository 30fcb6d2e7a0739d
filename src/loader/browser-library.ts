import { SternaError } from '../errors.ts';
import { remoteFolder } from './hub.ts';
import { openFromLibrary } from './library.ts';
import type { ModelOpener } from './model-opener.ts';
import type { SourceOptions } from './open-source.ts';
import { workerFetch } from './remote/page-fetch.ts';
import { repositoryOf } from './repository.ts';
import { MemoryStorage } from './storage/memory.ts';
import { OpfsStorage } from './storage/opfs.ts';
import { OverflowStorage } from './storage/overflow.ts';
import type { Storage } from './storage/storage.ts';

/** Folder of the browser's file system that the library is in. */
export const LIBRARY = 'sterna';

/**
 * Opens a model behind an address, with the library in the browser's file system for this origin.
 *
 * @throws SternaError `invalid-input`.
 */
export function openInBrowser(source: string | URL, options: SourceOptions): ModelOpener {
  const folder = remoteFolder(source, options);
  const isRepository = repositoryOf(String(source)) !== undefined;
  return async (precision, onConfig) =>
    openFromLibrary(folder, {
      ...options,
      fetch: options.pageFetch && workerFetch(options.pageFetch),
      precision: await precision(isRepository ? 'auto' : 'f32'),
      storage: options.keep ? storageAt : async () => new MemoryStorage(),
      lock: inLock,
      onConfig,
    });
}

export { openFiles } from './pack/pack-opener.ts';

/** A folder of the library, or memory where the browser has none. */
async function storageAt(path: readonly string[]): Promise<Storage> {
  const disk = await OpfsStorage.at([LIBRARY, ...path]);
  return disk ? new OverflowStorage(disk) : new MemoryStorage();
}

/** Two tabs that start at once share one download: the second finds what the first has kept. */
async function inLock<T>(name: string, run: () => Promise<T>): Promise<T> {
  const { locks } = navigator;
  if (!locks) return run();
  // A rejection with an error of ours would come out of the browser as it is, but not from all of them.
  let outcome: { value: T } | { error: unknown } | undefined;
  await locks.request(name, async () => {
    outcome = await run().then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
  });
  if (outcome && 'value' in outcome) return outcome.value;
  throw (
    outcome?.error ?? new SternaError('storage', `The lock ${name} was taken away. Load the model again.`)
  );
}
