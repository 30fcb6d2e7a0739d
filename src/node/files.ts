import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SternaError } from '../errors.ts';
import { checkRange, type ModelFile, type ModelFiles } from '../loader/files.ts';
import { type FilesOptions, webFiles } from '../loader/web-files.ts';
import type { ModelSource } from '../types.ts';

/** {@link webFiles}, and paths and `file:` addresses of this machine. Files are read by ranges, never whole. */
export function nodeFiles(source: ModelSource, options: FilesOptions = {}): ModelFiles {
  if (typeof source === 'string' && !/^[a-z]+:\/\//i.test(source)) return filesInFolder(source, options);
  if (typeof source === 'string' || source instanceof URL) {
    const address = new URL(source);
    return address.protocol === 'file:' ? filesInFolder(fileURLToPath(address), options) : webFiles(address, options);
  }
  if (Array.isArray(source) || 'kind' in source) return webFiles(source, options);
  return filesOfRecord(source as Readonly<Record<string, string | URL | Blob>>, options);
}

function filesInFolder(folder: string, { name }: FilesOptions): ModelFiles {
  const path = resolve(folder);
  return {
    label: name ?? basename(path),
    async open(file) {
      const found = await openPath(resolve(path, file), file);
      if (!found && !(await isFolder(path))) {
        throw new SternaError('model-not-found', `There is no folder ${folder}; needed: one with config.json and model.safetensors.`);
      }
      return found;
    },
  };
}

/** A record may name files of this machine besides addresses and Blobs. */
function filesOfRecord(
  record: Readonly<Record<string, string | URL | Blob>>,
  options: FilesOptions,
): ModelFiles {
  const web = webFiles(record, options);
  return {
    label: web.label,
    open(name) {
      const file = Object.hasOwn(record, name) ? record[name] : undefined;
      const local = file instanceof URL && file.protocol === 'file:';
      return local ? openPath(fileURLToPath(file), name) : web.open(name);
    },
  };
}

async function openPath(path: string, name: string): Promise<ModelFile | undefined> {
  try {
    const { size } = await stat(path);
    // A handle is opened for each read, so that none has to be closed when a load fails half way.
    return {
      name,
      size,
      async read(start, end) {
        checkRange(name, size, start, end);
        const handle = await open(path);
        try {
          return await readRange(handle, name, start, end);
        } finally {
          await handle.close();
        }
      },
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new SternaError('model-not-found', `${path} cannot be opened: ${message}`, { cause: error });
  }
}

async function readRange(handle: FileHandle, name: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    // One read of Node's takes at most 2 GiB.
    const length = Math.min(bytes.length - at, 2 ** 30);
    const { bytesRead } = await handle.read(bytes, at, length, start + at);
    if (bytesRead === 0) throw new SternaError('corrupt-file', `${name} became shorter while it was read.`);
    at += bytesRead;
  }
  return bytes;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
