import { SternaError } from '../errors.ts';
import type { LoadProgress, ModelSource } from '../types.ts';
import { fileOfBlob, type ModelFile, type ModelFiles } from './files.ts';

/** How to reach files. */
export interface FilesOptions {
  /** Name of the model, where its address does not say. */
  readonly name?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/**
 * The files of a model, as a browser can have them: behind an address, in a directory handle, in a list of `File`s, or
 * in a record of file name → address or Blob. An address is of the folder; a query string in it goes with each file.
 *
 * @throws SternaError `invalid-input` for anything else.
 */
export function webFiles(source: ModelSource, options: FilesOptions = {}): ModelFiles {
  if (typeof source === 'string' || source instanceof URL) return new FolderAtAddress(new URL(source), options);
  if (Array.isArray(source)) return filesOfList(source as readonly File[], options);
  if (isDirectory(source)) return filesOfDirectory(source, options);
  if (typeof source === 'object' && source !== null) {
    return filesOfRecord(source as Readonly<Record<string, string | URL | Blob>>, options);
  }
  throw new SternaError('invalid-input', `model is ${String(source)}; needed: "nano", an address, files or a directory handle.`);
}

export function isDirectory(source: ModelSource): source is FileSystemDirectoryHandle {
  return (source as FileSystemDirectoryHandle).kind === 'directory';
}

class FolderAtAddress implements ModelFiles {
  readonly label: string;

  constructor(
    private readonly folder: URL,
    private readonly options: FilesOptions,
  ) {
    this.label = options.name ?? lastPart(folder.pathname) ?? folder.host;
  }

  open(name: string): Promise<ModelFile | undefined> {
    const address = new URL(this.folder);
    address.pathname = `${address.pathname.replace(/\/$/, '')}/${name}`;
    return download(name, address, this.options);
  }
}

function filesOfRecord(
  record: Readonly<Record<string, string | URL | Blob>>,
  options: FilesOptions,
): ModelFiles {
  return {
    label: options.name ?? 'model',
    async open(name) {
      if (!Object.hasOwn(record, name)) return undefined;
      const source = record[name];
      return source instanceof Blob ? fileOfBlob(name, source) : download(name, new URL(source), options);
    },
  };
}

/** Files as a dropped folder or `<input webkitdirectory>` gives them: told by their names, whatever folder they say. */
function filesOfList(files: readonly File[], options: FilesOptions): ModelFiles {
  const folder = files[0]?.webkitRelativePath?.split('/').at(-2);
  return {
    label: options.name ?? folder ?? 'model',
    async open(name) {
      const named = files.filter((file) => file.name === name);
      if (named.length > 1) {
        throw new SternaError('invalid-input', `${named.length} of the files are called ${name}; needed: the files of one model.`);
      }
      return named[0] && fileOfBlob(name, named[0]);
    },
  };
}

function filesOfDirectory(directory: FileSystemDirectoryHandle, options: FilesOptions): ModelFiles {
  return {
    label: options.name ?? (directory.name || 'model'),
    async open(name) {
      try {
        return fileOfBlob(name, await (await directory.getFileHandle(name)).getFile());
      } catch (error) {
        if ((error as Error).name === 'NotFoundError') return undefined;
        throw new SternaError('model-not-found', `${name} in ${directory.name} cannot be opened: ${(error as Error).message}`, {
          cause: error,
        });
      }
    },
  };
}

/**
 * A file behind an address, downloaded whole.
 *
 * @returns nothing where the server has no such file: it says 404 or 410, or answers with a page of HTML, as servers of
 *   single-page apps do for every address that they do not know.
 * @throws SternaError `network`; the signal's reason when it is aborted.
 */
async function download(
  name: string,
  address: URL,
  { signal, onProgress }: FilesOptions,
): Promise<ModelFile | undefined> {
  const failed = (words: string, cause?: unknown) =>
    new SternaError('network', `${address.href} ${words}. Check the address and the connection, and try again.`, { cause });
  try {
    const response = await fetch(address, { signal });
    if (response.status === 404 || response.status === 410) return undefined;
    if (!response.ok) throw failed(`answers ${response.status} ${response.statusText}`.trimEnd());
    if (response.headers.get('content-type')?.startsWith('text/html')) {
      await response.body?.cancel();
      return undefined;
    }
    const blob = await receive(response, (loaded, total) => onProgress?.({ phase: 'download', item: name, loaded, total }));
    const announced = announcedLength(response);
    if (announced !== undefined && blob.size < announced) {
      throw failed(`broke off after ${blob.size} of ${announced} bytes`);
    }
    return fileOfBlob(name, blob);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof SternaError ? error : failed(`cannot be downloaded: ${(error as Error).message}`, error);
  }
}

/** The body of an answer; a Blob, as browsers keep large ones outside of the script's memory. */
async function receive(response: Response, onProgress: (loaded: number, total: number) => void): Promise<Blob> {
  const total = announcedLength(response) ?? 0;
  let loaded = 0;
  onProgress(loaded, total);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts);
    parts.push(value);
    loaded += value.byteLength;
    onProgress(loaded, total);
  }
}

/** Bytes of the body, where the server says; a compressed body has another length than its file. */
function announcedLength({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? undefined : Number(length);
}

/** The last part of a path that is not empty. */
export function lastPart(path: string): string | undefined {
  const part = path.split('/').findLast((one) => one !== '');
  return part && decodeURIComponent(part);
}
