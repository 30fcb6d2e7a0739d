import { SternaError } from '../../errors.ts';
import { fileOfBlob, type ModelFile } from '../files.ts';
import type { Storage, StorageWriter } from './storage.ts';

/** What a worker has of a file handle that TypeScript's library does not know in pages. */
interface SyncAccessHandle {
  write(bytes: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
}
type WorkerFileHandle = FileSystemFileHandle & {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>;
};

/** How often a file that is open elsewhere is tried again, and how long to wait in between, in milliseconds. */
const TRIES = 50;
const PAUSE = 20;

/** A folder in the browser's own file system for this origin. Writing needs a worker. */
export class OpfsStorage implements Storage {
  readonly lasting = true;

  private constructor(
    private readonly folder: FileSystemDirectoryHandle,
    readonly location: string,
  ) {}

  /**
   * Opens a folder, and makes it where it is not there.
   *
   * @param path - names from the root on.
   * @returns nothing where the browser has no such file system, or does not give it away (private windows, blocked cookies).
   */
  static async at(path: readonly string[], { create = true } = {}): Promise<OpfsStorage | undefined> {
    try {
      let folder = await navigator.storage.getDirectory();
      for (const name of path) folder = await folder.getDirectoryHandle(name, { create });
      return new OpfsStorage(folder, path.join('/'));
    } catch {
      return undefined;
    }
  }

  async open(name: string): Promise<ModelFile | undefined> {
    try {
      const handle = await this.folder.getFileHandle(name);
      return fileOfBlob(name, await handle.getFile());
    } catch (error) {
      if ((error as Error).name === 'NotFoundError') return undefined;
      throw this.failed(name, error);
    }
  }

  async writer(name: string): Promise<StorageWriter> {
    const access = await this.access(name);
    const attempt = (run: () => void) => {
      try {
        run();
      } catch (error) {
        throw this.failed(name, error);
      }
    };
    return {
      write: async (at, bytes) =>
        attempt(() => {
          const written = access.write(bytes, { at });
          // Chromium gives a negative number, as if it had no sign, where there is no room.
          if (written !== bytes.length) throw new DOMException('the disk is full', 'QuotaExceededError');
        }),
      flush: async () => attempt(() => access.flush()),
      close: async () => access.close(),
    };
  }

  async remove(name: string): Promise<void> {
    try {
      await this.folder.removeEntry(name);
    } catch (error) {
      if ((error as Error).name !== 'NotFoundError') throw this.failed(name, error);
    }
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of (this.folder as unknown as { keys(): AsyncIterable<string> }).keys())
      names.push(name);
    return names;
  }

  /** Only one at a time may write to a file; another tab's short write is waited for. */
  private async access(name: string): Promise<SyncAccessHandle> {
    for (let tries = 1; ; tries++) {
      try {
        const handle: WorkerFileHandle = await this.folder.getFileHandle(name, { create: true });
        if (!handle.createSyncAccessHandle) throw new Error('this browser writes files in workers only');
        return await handle.createSyncAccessHandle();
      } catch (error) {
        if ((error as Error).name !== 'NoModificationAllowedError' || tries === TRIES)
          throw this.failed(name, error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  private failed(name: string, cause: unknown): SternaError {
    const { name: kind, message } = cause as Error;
    if (kind === 'QuotaExceededError') {
      return new SternaError(
        'storage-full',
        `There is no room for ${name} in this site's storage: ${message}. Free some space, or choose a smaller precision.`,
        { cause },
      );
    }
    return new SternaError('storage', `${this.location}/${name} cannot be used: ${message}.`, { cause });
  }
}
