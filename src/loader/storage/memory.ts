import { SternaError } from '../../errors.ts';
import { checkRange, type ModelFile } from '../files.ts';
import type { Storage, StorageWriter } from './storage.ts';

/** A storage that lives as long as its object: where nothing else is allowed, or full. */
export class MemoryStorage implements Storage {
  readonly lasting = false;
  readonly location = 'memory';
  private readonly files = new Map<string, GrowingFile>();

  async open(name: string): Promise<ModelFile | undefined> {
    const file = this.files.get(name);
    return (
      file && {
        name,
        size: file.size,
        async read(start, end) {
          checkRange(name, file.size, start, end);
          return file.bytes.slice(start, end);
        },
      }
    );
  }

  async writer(name: string): Promise<StorageWriter> {
    const target = this.files.get(name) ?? new GrowingFile();
    this.files.set(name, target);
    return {
      write: async (at, bytes) => target.write(at, bytes),
      flush: async () => {},
      close: async () => {},
    };
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  async names(): Promise<string[]> {
    return [...this.files.keys()];
  }
}

class GrowingFile {
  bytes = new Uint8Array(0);
  size = 0;

  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    if (end > this.bytes.length) {
      const larger = allocate(Math.max(end, Math.min(2 * this.bytes.length, this.bytes.length + 2 ** 24)));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(bytes, at);
    this.size = Math.max(this.size, end);
  }
}

function allocate(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new SternaError(
      'storage-full',
      `There is no memory for a file of ${size} bytes, and nowhere else to keep it. Free some space for this site, or choose a smaller precision.`,
      { cause },
    );
  }
}
