import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SternaError } from '../errors.ts';
import { checkRange, type ModelFile, type ModelFiles } from '../loader/files.ts';
import { addressOf, type FileRecord, type FilesOptions, isDirectory, webFiles } from '../loader/web-files.ts';
import type { ModelSource } from '../types.ts';

/**
 * {@link webFiles}, and paths and `file:` addresses of this machine, alone or in a record. Files are read by ranges,
 * never whole.
 *
 * @throws SternaError `invalid-input`.
 */
export function nodeFiles(source: ModelSource, options: FilesOptions = {}): ModelFiles {
  if (typeof source === 'string' || source instanceof URL) {
    const path = localPath(source);
    return path === undefined ? webFiles(source, options) : filesInFolder(path, options);
  }
  const isRecord = typeof source === 'object' && source !== null && !Array.isArray(source);
  return isRecord && !isDirectory(source)
    ? filesOfRecord(source as FileRecord, options)
    : webFiles(source, options);
}

/** The path that a source means; none if it is an address of another machine. A drive letter is no scheme. */
function localPath(source: string | URL): string | undefined {
  if (typeof source === 'string' && !/^[a-z][a-z\d+.-]+:/i.test(source)) return resolve(source);
  const address = addressOf(source);
  if (address.protocol !== 'file:') return undefined;
  try {
    return fileURLToPath(address);
  } catch (cause) {
    throw new SternaError('invalid-input', `${address.href} is no path: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

function filesInFolder(path: string, { name }: FilesOptions): ModelFiles {
  return {
    label: name ?? basename(path),
    location: path,
    async open(file) {
      const found = await openPath(resolve(path, file), file);
      if (!found && !(await isFolder(path))) {
        throw new SternaError(
          'model-not-found',
          `There is no folder ${path}; needed: one with config.json and model.safetensors.`,
        );
      }
      return found;
    },
  };
}

function filesOfRecord(record: FileRecord, options: FilesOptions): ModelFiles {
  const web = webFiles(record, options);
  return {
    label: web.label,
    location: web.location,
    async open(name) {
      const file = Object.hasOwn(record, name) ? record[name] : undefined;
      const path = file === undefined || file instanceof Blob ? undefined : localPath(file);
      return path === undefined ? web.open(name) : openPath(path, name);
    },
  };
}

export async function openPath(path: string, name: string): Promise<ModelFile | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    return { name, size: found.size, read: (start, end) => readPath(path, name, found.size, start, end) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  }
}

/** Opens the file for this read alone, so that no handle has to be closed when a load fails half way. */
async function readPath(path: string, name: string, size: number, start: number, end: number) {
  checkRange(name, size, start, end);
  try {
    const handle = await open(path);
    try {
      return await readRange(handle, name, start, end);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof SternaError ? error : unreadable(path, error);
  }
}

async function readRange(handle: FileHandle, name: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    // One read of Node's takes at most 2 GiB.
    const length = Math.min(bytes.length - at, 2 ** 30);
    const { bytesRead } = await handle.read(bytes, at, length, start + at);
    if (bytesRead === 0) {
      throw new SternaError('corrupt-file', `${name} became shorter while it was read. Load it again.`);
    }
    at += bytesRead;
  }
  return bytes;
}

function unreadable(path: string, error: unknown): SternaError {
  return new SternaError('model-not-found', `${path} cannot be read: ${(error as Error).message}.`, {
    cause: error,
  });
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
