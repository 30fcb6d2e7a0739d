import { endsEarly } from './errors.ts';
import type { IndexFile, IndexFolder } from './folder.ts';
import { withRoom } from './with-room.ts';

/** A folder that lives as long as its object: for indexes without a name, and where a browser keeps nothing. */
export class MemoryFolder implements IndexFolder {
  readonly lasting = false;
  readonly location = 'memory';
  private readonly files = new Map<string, MemoryFile>();

  async open(name: string, { create = false } = {}): Promise<IndexFile | undefined> {
    let file = this.files.get(name);
    if (!file && create) {
      file = new MemoryFile(name);
      this.files.set(name, file);
    }
    return file;
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  async names(): Promise<string[]> {
    return [...this.files.keys()];
  }
}

class MemoryFile implements IndexFile {
  size = 0;
  private bytes = new Uint8Array(0);

  constructor(private readonly name: string) {}

  read(start: number, into: Uint8Array): void {
    const end = start + into.length;
    if (end > this.size) throw endsEarly(this.name, this.size, end);
    into.set(this.bytes.subarray(start, end));
  }

  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    this.bytes = withRoom(this.bytes, this.size, end);
    this.bytes.set(bytes, at);
    this.size = Math.max(this.size, end);
  }

  truncate(size: number): void {
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  async flush(): Promise<void> {}

  close(): void {}
}
