import type { RemoteFolder } from '../hub.ts';
import { type LibraryOptions, openFromLibrary } from '../library.ts';
import { MemoryStorage } from '../storage/memory.ts';
import type { Storage } from '../storage/storage.ts';

/** Patience for a server that is next door. */
const RETRY = { attempts: 4, firstDelay: 1, longestDelay: 50, stall: 300 };

/** A browser's storage and locks in memory: what one visit leaves there the next one finds. */
export class LibraryRoom {
  private readonly storages = new Map<string, Storage>();
  private turn: Promise<unknown> = Promise.resolve();

  /** @param make - makes the storage of a folder. */
  constructor(private readonly make: () => Storage = () => new MemoryStorage()) {}

  open(folder: RemoteFolder, options: Partial<LibraryOptions> = {}) {
    return openFromLibrary(folder, {
      precision: 'f32',
      retry: RETRY,
      storage: async (path) => {
        const name = path.join('/');
        const storage = this.storages.get(name) ?? this.make();
        this.storages.set(name, storage);
        return storage;
      },
      lock: (_, run) => {
        const result = this.turn.then(run);
        this.turn = result.catch(() => {});
        return result;
      },
      ...options,
    });
  }
}
