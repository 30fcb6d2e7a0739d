import { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import { frame, unframe } from './frame.ts';

/** What every small file that says how things are has in common. */
export interface Stated {
  /** Of the format. */
  readonly version: number;
  /** Counts the states. */
  readonly generation: number;
}

/**
 * Replaces a small state that is kept in two files. Both hold the same; one of them is whole at any moment, and one alone is enough. When the promise
 * settles the new state is durable; when it rejects or the process dies, the old or the new one is.
 *
 * @throws SternaError `storage-full`, `storage`.
 */
export async function writeTwins(folder: IndexFolder, name: string, state: Stated): Promise<void> {
  const bytes = frame(new TextEncoder().encode(JSON.stringify(state)));
  for (const twin of twinsOf(name)) {
    const file = (await folder.open(twin, { create: true }))!;
    try {
      file.write(0, bytes);
      file.truncate(bytes.length);
      await file.flush();
    } finally {
      file.close();
    }
  }
}

/**
 * The latest state that is whole.
 *
 * @param version - the latest that can be read.
 * @param isState - whether parsed JSON is such a state.
 * @returns nothing where there is none; `damaged` where there are files and no whole one.
 * @throws SternaError `corrupt-file` for one of a later version.
 */
export async function readTwins<State extends Stated>(
  folder: IndexFolder,
  name: string,
  version: number,
  isState: (value: Partial<State>) => boolean,
): Promise<State | 'damaged' | undefined> {
  let latest: State | undefined;
  let isDamaged = false;
  for (const twin of twinsOf(name)) {
    const file = await folder.open(twin);
    if (!file) continue;
    const bytes = new Uint8Array(file.size);
    try {
      file.read(0, bytes);
    } finally {
      file.close();
    }
    const state = parse<State>(bytes);
    if (state && Number.isInteger(state.version) && state.version! > version) {
      throw new SternaError(
        'corrupt-file',
        `${folder.location}/${twin} is of version ${state.version} of the format and this library reads ${version}; update the library.`,
      );
    }
    if (!state || !Number.isInteger(state.generation) || !isState(state)) isDamaged ||= bytes.length > 0;
    else if (!latest || state.generation! > latest.generation) latest = state as State;
  }
  return latest ?? (isDamaged ? 'damaged' : undefined);
}

function twinsOf(name: string): readonly string[] {
  return [`${name}-a`, `${name}-b`];
}

function parse<State>(bytes: Uint8Array): Partial<State> | undefined {
  const payload = unframe(bytes, 0);
  if (!payload) return undefined;
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
