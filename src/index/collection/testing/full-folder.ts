import { storageFailed } from '../../files/errors.ts';
import type { IndexFile, IndexFolder } from '../../files/folder.ts';
import { MemoryFolder } from '../../files/memory-folder.ts';

/** A folder in memory with room for so many more bytes: of a write that does not fit, a part is written. Removing gives no room back. */
export class FullFolder implements IndexFolder {
  readonly lasting = true;
  readonly location = 'full';
  /** Files for which there is no room at all. */
  refused: RegExp | undefined;
  private readonly folder = new MemoryFolder();

  constructor(public room = Number.POSITIVE_INFINITY) {}

  async open(name: string, options?: { readonly create?: boolean }): Promise<IndexFile | undefined> {
    const file = await this.folder.open(name, options);
    return file && new FullFile(this, name, file);
  }

  remove(name: string): Promise<void> {
    return this.folder.remove(name);
  }

  names(): Promise<string[]> {
    return this.folder.names();
  }
}

class FullFile implements IndexFile {
  constructor(
    private readonly folder: FullFolder,
    private readonly name: string,
    private readonly file: IndexFile,
  ) {}

  get size(): number {
    return this.file.size;
  }

  read(start: number, into: Uint8Array): void {
    this.file.read(start, into);
  }

  write(at: number, bytes: Uint8Array): void {
    const { folder } = this;
    const written = folder.refused?.test(this.name) ? 0 : Math.min(bytes.length, folder.room);
    this.file.write(at, bytes.subarray(0, written));
    folder.room -= written;
    if (written < bytes.length)
      throw storageFailed(this.name, new DOMException('the disk is full', 'QuotaExceededError'));
  }

  truncate(size: number): void {
    this.file.truncate(size);
  }

  flush(): Promise<void> {
    return this.file.flush();
  }

  close(): void {
    this.file.close();
  }
}
