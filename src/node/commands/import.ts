import { existsSync } from 'node:fs';
import { fileStream, noModel, placeOf } from '../index-place.ts';
import { UsageError } from '../json-lines.ts';
import { SemanticIndex } from '../semantic-index.ts';

/** What `sterna import` was told. */
export interface ImportCommand {
  /** A file that `sterna export` or {@link SemanticIndex.export} wrote. */
  readonly file: string;
  /** A new or empty folder. */
  readonly index: string;
}

/**
 * Makes a folder of an index from one in a file. No model is needed.
 *
 * @throws UsageError; SternaError `corrupt-file` for another file, `storage`.
 */
export async function importIndex({ file, index: folder }: ImportCommand): Promise<{ documents: number }> {
  if (!existsSync(file)) throw new UsageError(`There is no file ${file}.`);
  if (placeOf(folder) === 'other') throw isThere(folder);
  await using index = await SemanticIndex.open({ embedder: noModel, folder });
  if (index.size > 0) throw isThere(folder);
  await index.import(fileStream(file));
  return { documents: index.size };
}

function isThere(folder: string): UsageError {
  return new UsageError(`${folder} has something in it already; needed: a new or empty folder.`);
}
