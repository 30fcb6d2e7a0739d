import { endsEarly, storageFailed } from './errors.ts';
import type { IndexFile, IndexFolder } from './folder.ts';

/** What a worker has of a file handle that TypeScript's library does not know in pages. */
interface SyncAccessHandle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type WorkerFileHandle = FileSystemFileHandle & {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>;
};

/** How often a file that is open elsewhere is tried again, and how long to wait in between, in milliseconds. */
const TRIES = 100;
const PAUSE = 10;

/** Longest piece that is read at once: browsers copy what they read into shared memory. */
const PIECE = 2 ** 24;

/** A folder in the browser's own file system for this origin. Needs a dedicated worker. */
export class OpfsFolder implements IndexFolder {
  readonly lasting = true;

  private constructor(
    private readonly handle: FileSystemDirectoryHandle,
    readonly location: string,
  ) {}

  /**
   * Opens a folder, and makes it where it is not there.
   *
   * @param path - names from the root on.
   * @returns nothing where the browser has no such file system, no synchronous access to it, or does not give it away (private
   *   windows, blocked cookies).
   */
  static async at(path: readonly string[]): Promise<OpfsFolder | undefined> {
    if (!('createSyncAccessHandle' in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return undefined;
    try {
      let handle = await navigator.storage.getDirectory();
      for (const name of path) handle = await handle.getDirectoryHandle(name, { create: true });
      return new OpfsFolder(handle, path.join('/'));
    } catch {
      return undefined;
    }
  }

  async open(name: string, { create = false } = {}): Promise<IndexFile | undefined> {
    const path = `${this.location}/${name}`;
    for (let tries = 1; ; tries++) {
      try {
        const handle: WorkerFileHandle = await this.handle.getFileHandle(name, { create });
        return new OpfsFile(path, await handle.createSyncAccessHandle!());
      } catch (error) {
        const kind = (error as Error).name;
        if (kind === 'NotFoundError' && !create) return undefined;
        // A worker that was killed may hold the file for a moment longer than its lock.
        if (kind !== 'NoModificationAllowedError' || tries === TRIES) throw storageFailed(path, error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await this.handle.removeEntry(name);
    } catch (error) {
      if ((error as Error).name !== 'NotFoundError') throw storageFailed(`${this.location}/${name}`, error);
    }
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of (this.handle as unknown as { keys(): AsyncIterable<string> }).keys())
      names.push(name);
    return names;
  }
}

class OpfsFile implements IndexFile {
  constructor(
    private readonly path: string,
    private readonly access: SyncAccessHandle,
  ) {}

  get size(): number {
    return this.access.getSize();
  }

  read(start: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const piece = into.subarray(done, done + PIECE);
      const read = this.attempt(() => this.access.read(piece, { at: start + done }));
      if (read <= 0) throw endsEarly(this.path, this.size, start + into.length);
      done += read;
    }
  }

  write(at: number, bytes: Uint8Array): void {
    const written = this.attempt(() => this.access.write(bytes, { at }));
    // Chromium gives a negative number, as if it had no sign, where there is no room.
    if (written !== bytes.length)
      throw storageFailed(this.path, new DOMException('the disk is full', 'QuotaExceededError'));
  }

  truncate(size: number): void {
    this.attempt(() => this.access.truncate(size));
  }

  async flush(): Promise<void> {
    this.attempt(() => this.access.flush());
  }

  close(): void {
    this.access.close();
  }

  private attempt<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw storageFailed(this.path, error);
    }
  }
}
