import { SternaError } from '../errors.ts';
import type { ModelSource } from '../types.ts';
import { type DownloadOptions, download } from './download.ts';
import { fileOfBlob, type ModelFile, type ModelFiles } from './files.ts';

/** How to reach files. */
export interface FilesOptions extends DownloadOptions {
  /** Name of the model, where its address does not say. */
  readonly name?: string;
}

/** File name → where it is. */
export type FileRecord = Readonly<Record<string, string | URL | Blob>>;

/**
 * The files of a model, as a browser can have them: behind an address, in a directory handle, in a list of `File`s, or
 * in a record of file name → address or Blob. An address is of the folder; a query string in it goes with each file.
 *
 * @throws SternaError `invalid-input` for anything else.
 */
export function webFiles(source: ModelSource, options: FilesOptions = {}): ModelFiles {
  if (typeof source === 'string' || source instanceof URL) {
    return new FolderAtAddress(addressOf(source), options);
  }
  if (Array.isArray(source)) return filesOfList(source as readonly File[], options);
  if (isDirectory(source)) return filesOfDirectory(source, options);
  if (typeof source === 'object' && source !== null) return filesOfRecord(source as FileRecord, options);
  throw new SternaError(
    'invalid-input',
    `model is ${String(source)}; needed: "nano", an address, files or a directory handle.`,
  );
}

export function isDirectory(source: ModelSource): source is FileSystemDirectoryHandle {
  return (source as FileSystemDirectoryHandle | null)?.kind === 'directory';
}

class FolderAtAddress implements ModelFiles {
  readonly label: string;
  readonly location: string;

  constructor(
    private readonly folder: URL,
    private readonly options: FilesOptions,
  ) {
    this.label = options.name ?? lastPart(folder.pathname) ?? folder.host;
    this.location = folder.href;
  }

  open(name: string): Promise<ModelFile | undefined> {
    return download(name, fileIn(this.folder, name), this.options);
  }
}

/** The address of a file in a folder; a query string in the folder's goes with it. */
export function fileIn(folder: URL, name: string): URL {
  const address = new URL(folder);
  address.pathname = `${address.pathname.replace(/\/$/, '')}/${name}`;
  return address;
}

function filesOfRecord(record: FileRecord, options: FilesOptions): ModelFiles {
  return {
    label: options.name ?? 'model',
    location: `the files given (${Object.keys(record).join(', ') || 'none'})`,
    async open(name) {
      if (!Object.hasOwn(record, name)) return undefined;
      const source = record[name];
      return source instanceof Blob
        ? fileOfBlob(name, source)
        : download(name, addressOf(source, name), options);
    },
  };
}

/**
 * Files as a dropped folder or `<input webkitdirectory>` gives them, those in folders below included: published models
 * have a second config.json in `1_Pooling`. The model is where the uppermost config.json is.
 */
function filesOfList(files: readonly File[], options: FilesOptions): ModelFiles {
  const configs = files.filter(({ name }) => name === 'config.json');
  const uppermost = Math.min(...configs.map(depth));
  const folders = [...new Set(configs.filter((file) => depth(file) === uppermost).map(folderOf))];
  const folder = folders[0] ?? '';
  return {
    label: options.name ?? lastPart(folder) ?? 'model',
    location: folder ? `the chosen folder ${folder}` : 'the chosen files',
    async open(name) {
      if (folders.length > 1) throw ambiguous(`There is a config.json in each of ${folders.join(', ')}`);
      const named = files.filter((file) => file.name === name && folderOf(file) === folder);
      if (named.length > 1) throw ambiguous(`${named.length} of the files are called ${name}`);
      return named[0] && fileOfBlob(name, named[0]);
    },
  };
}

function ambiguous(words: string): SternaError {
  return new SternaError('invalid-input', `${words}; needed: the files of one model. Choose its folder.`);
}

/** The folder that a chosen file says it is in; empty where it was chosen alone. */
function folderOf({ webkitRelativePath: path }: File): string {
  return path ? path.slice(0, path.lastIndexOf('/')) : '';
}

function depth({ webkitRelativePath: path }: File): number {
  return path ? path.split('/').length : 0;
}

function filesOfDirectory(directory: FileSystemDirectoryHandle, options: FilesOptions): ModelFiles {
  const location = directory.name ? `the folder ${directory.name}` : 'the chosen folder';
  return {
    label: options.name ?? (directory.name || 'model'),
    location,
    async open(name) {
      try {
        return fileOfBlob(name, await (await directory.getFileHandle(name)).getFile());
      } catch (error) {
        if ((error as Error).name === 'NotFoundError') return undefined;
        throw new SternaError(
          'model-not-found',
          `${name} in ${location} cannot be opened: ${(error as Error).message}. Choose the folder again.`,
          { cause: error },
        );
      }
    },
  };
}

/** @throws SternaError `invalid-input`. */
export function addressOf(source: string | URL, name?: string): URL {
  try {
    return new URL(source);
  } catch (cause) {
    const what = name === undefined ? 'model' : `The address of ${name}`;
    throw new SternaError(
      'invalid-input',
      `${what} is ${String(source)}; needed: a full address, such as https://example.org/models/arctic/.`,
      { cause },
    );
  }
}

/** The last part of a path that is not empty. */
export function lastPart(path: string): string | undefined {
  const part = path.split('/').findLast((one) => one !== '');
  if (part === undefined) return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    // A percent sign that encodes nothing is just that.
    return part;
  }
}
