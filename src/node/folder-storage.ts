import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SternaError } from '../errors.ts';
import type { ModelFile } from '../loader/files.ts';
import type { Storage, StorageWriter } from '../loader/storage/storage.ts';
import { openPath } from './files.ts';

/** A folder on the disk. */
export class FolderStorage implements Storage {
  readonly lasting = true;

  private constructor(readonly location: string) {}

  /** @throws SternaError `storage` where there can be no such folder. */
  static async at(path: string): Promise<FolderStorage> {
    await mkdir(path, { recursive: true }).catch((error) => {
      throw failed(path, error);
    });
    return new FolderStorage(path);
  }

  open(name: string): Promise<ModelFile | undefined> {
    return openPath(join(this.location, name), name);
  }

  async writer(name: string): Promise<StorageWriter> {
    const path = join(this.location, name);
    const attempt = <T>(run: Promise<T>): Promise<T> =>
      run.catch((error) => {
        throw failed(path, error);
      });
    // Made where it is not there, and not emptied where it is.
    const handle = await attempt(open(path, 'r+').catch(() => open(path, 'w+')));
    return {
      async write(at, bytes) {
        for (let done = 0; done < bytes.length; )
          done += (await attempt(handle.write(bytes, done, bytes.length - done, at + done))).bytesWritten;
      },
      flush: () => attempt(handle.sync()),
      close: () => attempt(handle.close()),
    };
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.location, name), { force: true });
  }

  names(): Promise<string[]> {
    return readdir(this.location);
  }
}

function failed(path: string, cause: NodeJS.ErrnoException): SternaError {
  const full = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  return new SternaError(
    full ? 'storage-full' : 'storage',
    `${path} cannot be written: ${cause.message}. ${full ? 'Free some space' : 'Choose another folder'}.`,
    { cause },
  );
}
