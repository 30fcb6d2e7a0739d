import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SternaError } from '../errors.ts';
import {
  type BuildShardsOptions,
  buildShards,
  type ExchangeRows,
  type ShardsHeader,
  type ShardsReport,
} from '../shards/index.ts';

const MANIFEST = 'search.json';

/** How to write. */
export interface WriteShardsOptions extends Omit<BuildShardsOptions, 'previous'> {
  /** Whether clusters are made anew where there is a build in the folder. Default: they are kept, so that few files change. */
  readonly fresh?: boolean;
}

/**
 * Writes an index for a static host into a folder, or brings the one that is there up to date. A page that reads the folder meanwhile sees the old
 * index or the new one. Files that only the old one had are removed.
 *
 * @param folder - made where it is not there. Other files in it stay.
 * @throws SternaError as {@link buildShards}; `storage` where it cannot be written.
 */
export async function writeShards(
  rows: ExchangeRows,
  header: ShardsHeader,
  folder: string,
  { fresh = false, ...options }: WriteShardsOptions = {},
): Promise<ShardsReport> {
  const read = async (name: string) => {
    const path = join(folder, name);
    return existsSync(path) ? new Uint8Array(await readFile(path)) : undefined;
  };
  const write = async (name: string, bytes: Uint8Array) => {
    const path = join(folder, name);
    // A file has its name when it is whole.
    await writeFile(`${path}.part`, bytes, { flush: true });
    await rename(`${path}.part`, path);
  };
  try {
    await mkdir(folder, { recursive: true });
    const previous = fresh ? undefined : read;
    const report = await buildShards(rows, header, { ...options, previous }, write);
    for (const name of report.obsolete) await rm(join(folder, name), { force: true });
    return report;
  } catch (error) {
    throw isOfFiles(error)
      ? new SternaError('storage', `${folder} cannot be written: ${error.message}`, { cause: error })
      : error;
  }
}

/** Whether a folder has such an index. */
export function hasShards(folder: string): boolean {
  return existsSync(join(folder, MANIFEST));
}

function isOfFiles(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined;
}
