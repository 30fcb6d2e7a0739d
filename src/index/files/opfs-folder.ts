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
  /** Files that are open. */
  private readonly files = new Set<OpfsFile>();
  private isClosed = false;

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
    const access = await this.patiently(name, async () => {
      const handle: WorkerFileHandle = await this.handle.getFileHandle(name, { create });
      return handle.createSyncAccessHandle!();
    });
    const path = `${this.location}/${name}`;
    if (!access && create) throw storageFailed(path, new Error('its folder was removed'));
    if (!access) return undefined;
    const file: OpfsFile = new OpfsFile(path, access, () => this.files.delete(file));
    this.files.add(file);
    if (this.isClosed) file.close();
    return file;
  }

  /** Closes all files at once, for whoever is to have them now. What is done with them from here on is refused. */
  close(): void {
    this.isClosed = true;
    for (const file of this.files) file.close();
  }

  async remove(name: string): Promise<void> {
    await this.patiently(name, () => this.handle.removeEntry(name));
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of (this.handle as unknown as { keys(): AsyncIterable<string> }).keys())
      names.push(name);
    return names;
  }

  /**
   * Does something with a file, again and again while another worker has it open: one that was killed may hold it for a moment longer than its lock.
   *
   * @returns nothing where there is no such file.
   */
  private async patiently<T>(name: string, run: () => Promise<T>): Promise<T | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await run();
      } catch (error) {
        const kind = (error as Error).name;
        if (kind === 'NotFoundError') return undefined;
        if (kind !== 'NoModificationAllowedError' || tries === TRIES)
          throw storageFailed(`${this.location}/${name}`, error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }
}

class OpfsFile implements IndexFile {
  constructor(
    private readonly path: string,
    private readonly access: SyncAccessHandle,
    private readonly closed: () => void,
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
    this.closed();
  }

  private attempt<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw storageFailed(this.path, error);
    }
  }
}
