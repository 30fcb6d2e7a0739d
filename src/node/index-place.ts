import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { PassageEmbedder } from '../search/index-types.ts';
import { UsageError } from './json-lines.ts';
import { cacheFolder } from './open-source.ts';
import { SemanticIndex } from './semantic-index.ts';

/** Whether a path names an index in one file. */
export function isIndexFile(path: string): boolean {
  return /\.sterna$/i.test(path);
}

/** What is at a path: an index in a folder, nothing or an empty folder, or something else. */
export function placeOf(path: string): 'index' | 'empty' | 'other' {
  if (!existsSync(path)) return 'empty';
  if (!statSync(path).isDirectory()) return 'other';
  // An index that was killed at its very beginning may have left its lock alone.
  const names = readdirSync(path).filter((name) => name !== 'lock');
  if (names.some((name) => /^[ab]-manifest/.test(name))) return 'index';
  return names.every((name) => /^([ab]-|root-)/.test(name)) ? 'empty' : 'other';
}

/** The folder where an index is kept from run to run that is written elsewhere in another form. */
export function workFolder(output: string): string {
  const path = resolve(output);
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 16);
  return join(cacheFolder(), 'indexes', `${basename(path).slice(0, 64)}-${hash}`);
}

/**
 * Opens an index that is there: a folder, or a file, which is read into memory.
 *
 * @throws UsageError where there is none; SternaError as {@link SemanticIndex.open} and {@link SemanticIndex.import} say.
 */
export async function openIndex(path: string, embedder: PassageEmbedder = noModel): Promise<SemanticIndex> {
  if (!existsSync(path)) throw new UsageError(`There is no index at ${path}; make one with sterna index.`);
  if (statSync(path).isDirectory()) {
    if (placeOf(path) === 'index') return SemanticIndex.open({ embedder, folder: path });
    throw new UsageError(`The folder ${path} has no index; needed: one that sterna index made.`);
  }
  const index = await SemanticIndex.open({ embedder });
  try {
    await index.import(fileStream(path));
    return index;
  } catch (error) {
    await index.dispose();
    throw error;
  }
}

/** The bytes of a file. */
export function fileStream(path: string): ReadableStream<Uint8Array> {
  return Readable.toWeb(createReadStream(path)) as unknown as ReadableStream<Uint8Array>;
}

/** For work that needs no vectors. */
export const noModel: PassageEmbedder = {
  chunk: () => Promise.reject(new UsageError('This command has no model.')),
  embed: () => Promise.reject(new UsageError('This command has no model.')),
};
