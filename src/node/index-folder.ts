import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { endsEarly, storageFailed } from '../index/files/errors.ts';
import type { IndexFile, IndexFolder } from '../index/files/folder.ts';

/** A folder of an index on a disk, in Node. */
export class NodeIndexFolder implements IndexFolder {
  readonly lasting = true;

  /** @param location - path of the folder; it is made where it is not there. */
  constructor(readonly location: string) {
    attempt(location, () => mkdirSync(location, { recursive: true }));
  }

  async open(name: string, { create = false } = {}): Promise<IndexFile | undefined> {
    const path = join(this.location, name);
    if (!create && !existsSync(path)) return undefined;
    return attempt(path, () => new NodeFile(path, openSync(path, existsSync(path) ? 'r+' : 'w+')));
  }

  async remove(name: string): Promise<void> {
    const path = join(this.location, name);
    attempt(path, () => rmSync(path, { force: true }));
  }

  async names(): Promise<string[]> {
    return attempt(this.location, () => readdirSync(this.location));
  }
}

class NodeFile implements IndexFile {
  constructor(
    private readonly path: string,
    private readonly descriptor: number,
  ) {}

  get size(): number {
    return attempt(this.path, () => fstatSync(this.descriptor).size);
  }

  read(start: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const read = attempt(this.path, () =>
        readSync(this.descriptor, into, done, into.length - done, start + done),
      );
      if (read === 0) throw endsEarly(this.path, this.size, start + into.length);
      done += read;
    }
  }

  write(at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += attempt(this.path, () =>
        writeSync(this.descriptor, bytes, done, bytes.length - done, at + done),
      );
    }
  }

  truncate(size: number): void {
    attempt(this.path, () => ftruncateSync(this.descriptor, size));
  }

  async flush(): Promise<void> {
    attempt(this.path, () => fsyncSync(this.descriptor));
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function attempt<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw storageFailed(path, error);
  }
}
