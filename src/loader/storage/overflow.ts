import { SternaError } from '../../errors.ts';
import type { ModelFile } from '../files.ts';
import { MemoryStorage } from './memory.ts';
import type { Storage, StorageWriter } from './storage.ts';

/** Bytes that are moved at a time. */
const STEP = 4 * 2 ** 20;

/**
 * A storage that goes on in memory when it is full: a file that no longer fits is moved there with what it has, and so are all that
 * are written after it. What was downloaded once is not downloaded again.
 */
export class OverflowStorage implements Storage {
  private readonly memory = new MemoryStorage();
  private full = false;

  constructor(private readonly disk: Storage) {}

  /** No longer so once it has flowed over. */
  get lasting(): boolean {
    return this.disk.lasting && !this.full;
  }

  get location(): string {
    return this.full ? `${this.disk.location} and memory` : this.disk.location;
  }

  async open(name: string): Promise<ModelFile | undefined> {
    return (await this.memory.open(name)) ?? this.disk.open(name);
  }

  async writer(name: string): Promise<StorageWriter> {
    let inner = await this.begin(name);
    let moved = this.full;
    const attempt = async (run: (writer: StorageWriter) => Promise<void>) => {
      try {
        await run(inner);
      } catch (error) {
        if (!isFull(error) || moved) throw error;
        await inner.close();
        inner = await this.move(name);
        moved = true;
        await run(inner);
      }
    };
    return {
      write: (at, bytes) => attempt((writer) => writer.write(at, bytes)),
      flush: () => attempt((writer) => writer.flush()),
      close: () => inner.close(),
    };
  }

  async remove(name: string): Promise<void> {
    await this.memory.remove(name);
    await this.disk.remove(name);
  }

  async names(): Promise<string[]> {
    return [...new Set([...(await this.disk.names()), ...(await this.memory.names())])];
  }

  private async begin(name: string): Promise<StorageWriter> {
    if (this.full) return this.move(name);
    try {
      return await this.disk.writer(name);
    } catch (error) {
      if (!isFull(error)) throw error;
      return this.move(name);
    }
  }

  /** Takes a file from the disk to memory. */
  private async move(name: string): Promise<StorageWriter> {
    this.full = true;
    const writer = await this.memory.writer(name);
    const file = await this.disk.open(name);
    if (!file) return writer;
    for (let at = 0; at < file.size; at += STEP)
      await writer.write(at, await file.read(at, Math.min(at + STEP, file.size)));
    await this.disk.remove(name);
    return writer;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof SternaError && error.code === 'storage-full';
}
