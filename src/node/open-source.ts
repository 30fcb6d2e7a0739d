import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type HubOptions, type RemoteFolder, remoteFolder } from '../loader/hub.ts';
import { openFromLibrary } from '../loader/library.ts';
import type { ModelOpener } from '../loader/model-opener.ts';
import { openFiles } from '../loader/pack/pack-opener.ts';
import { repositoryOf } from '../loader/repository.ts';
import { MemoryStorage } from '../loader/storage/memory.ts';
import type { FilesOptions } from '../loader/web-files.ts';
import type { ModelSource } from '../types.ts';
import { nodeFiles } from './files.ts';
import { FolderStorage } from './folder-storage.ts';

/** How to open a source in Node. */
export interface NodeSourceOptions extends FilesOptions, HubOptions {
  /** Whether models behind addresses are kept for the next time. */
  readonly keep: boolean;
  readonly fetch?: typeof fetch;
}

/** How to open a model in Node: a path, what a browser can open, and what is behind addresses by way of a folder of the user's. */
export function nodeSourceOpener(source: ModelSource, options: NodeSourceOptions): ModelOpener {
  const remote = remoteSource(source, options);
  if (!remote) return openFiles(nodeFiles(source, options));
  return async (precision, onConfig) =>
    openFromLibrary(remote.folder, {
      ...options,
      precision: await precision(remote.isRepository ? 'auto' : 'f32'),
      storage: async (path) =>
        options.keep ? FolderStorage.at(join(cacheFolder(), ...path)) : new MemoryStorage(),
      lock: (_, run) => run(),
      onConfig,
    });
}

/** The folder behind an address that a source means; nothing for paths and files. */
export function remoteSource(
  source: ModelSource,
  options: HubOptions & { name?: string },
): { folder: RemoteFolder; isRepository: boolean } | undefined {
  if (typeof source !== 'string' && !(source instanceof URL)) return undefined;
  const text = String(source);
  if (/^https?:/i.test(text)) return { folder: remoteFolder(source, options), isRepository: false };
  if (repositoryOf(text) === undefined || existsSync(text)) return undefined;
  return { folder: remoteFolder(source, options), isRepository: true };
}

/** Where models are kept: as the XDG Base Directory Specification has it. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sterna');
}
