import { SternaError } from '../../errors.ts';
import type { IndexFile, IndexFolder } from '../files/folder.ts';
import { frame, unframe } from './frame.ts';

/** A state that counts so far is none of ours, and the next one could not be told from it. */
const MOST_GENERATIONS = 2 ** 52;

/** What every small file that says how things are has in common. */
export interface Stated {
  /** Of the format. */
  readonly version: number;
  /** Counts the states. */
  readonly generation: number;
}

/**
 * Replaces a small state that is kept in two files. Both hold the same; one of them is whole at any moment, and one alone is enough. When the promise
 * settles the new state is durable; when it rejects the old one is, as long as the code is not `storage`: then it may be either, until it is read again.
 *
 * @throws SternaError `storage-full`, `storage`.
 */
export async function writeTwins(folder: IndexFolder, name: string, state: Stated): Promise<void> {
  const [first, second] = await leastNeededFirst(folder, name);
  await replace(folder, first, state).catch(async (error) => {
    await takeBack(folder, first, error);
    throw error;
  });
  // The state is durable. A second file that cannot hold it must not hold an older one, which would count if the first were damaged.
  await replace(folder, second, state).catch(() => empty(folder, second).catch(() => {}));
}

/**
 * Makes both files hold the latest state again, where a crash or damage has made them differ. Where there is no room for it, they stay as they are.
 */
export async function mendTwins(folder: IndexFolder, name: string, state: Stated): Promise<void> {
  const [a, b] = await Promise.all(twinsOf(name).map((twin) => readWhole(folder, twin)));
  const needed = JSON.stringify(state);
  if ([a, b].every((bytes) => bytes && JSON.stringify(parse(bytes)) === needed)) return;
  await writeTwins(folder, name, state).catch(() => {});
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
    const bytes = await readWhole(folder, twin);
    if (!bytes) continue;
    const state = parse<State>(bytes);
    if (state && Number.isInteger(state.version) && state.version! > version) {
      throw new SternaError(
        'corrupt-file',
        `${folder.location}/${twin} is of version ${state.version} of the format and this library reads ${version}; update the library.`,
      );
    }
    if (!state || !isGeneration(state.generation) || !isState(state)) isDamaged ||= bytes.length > 0;
    else if (!latest || state.generation > latest.generation) latest = state as State;
  }
  return latest ?? (isDamaged ? 'damaged' : undefined);
}

/** Makes a state unreadable for good, which removing its files does not: after a power cut they may be there again. */
export async function forgetTwins(folder: IndexFolder, name: string): Promise<void> {
  for (const twin of await leastNeededFirst(folder, name)) await empty(folder, twin);
}

/** The two names; the one that holds the latest state comes last, so that it is there until the other one is whole. */
async function leastNeededFirst(folder: IndexFolder, name: string): Promise<readonly string[]> {
  const [a, b] = twinsOf(name);
  const [ofA, ofB] = await Promise.all([generationIn(folder, a), generationIn(folder, b)]);
  return ofA > ofB ? [b, a] : [a, b];
}

/** The generation of a file; −1 where it is not whole. */
async function generationIn(folder: IndexFolder, twin: string): Promise<number> {
  const bytes = await readWhole(folder, twin);
  return (bytes && parse(bytes)?.generation) ?? -1;
}

async function replace(folder: IndexFolder, twin: string, state: Stated): Promise<void> {
  const bytes = frame(new TextEncoder().encode(JSON.stringify(state)));
  await withFile(folder, twin, async (file) => {
    file.write(0, bytes);
    file.truncate(bytes.length);
    await file.flush();
  });
}

/** What may or may not have been written must not be found later, when the old state has gone on. */
async function takeBack(folder: IndexFolder, twin: string, cause: unknown): Promise<void> {
  try {
    await empty(folder, twin);
  } catch {
    throw new SternaError(
      'storage',
      `${folder.location}/${twin} could be neither written nor emptied, so it is not known which state counts; open the index again.`,
      { cause },
    );
  }
}

function empty(folder: IndexFolder, twin: string): Promise<void> {
  return withFile(folder, twin, async (file) => {
    file.truncate(0);
    await file.flush();
  });
}

async function withFile(
  folder: IndexFolder,
  name: string,
  use: (file: IndexFile) => Promise<void>,
): Promise<void> {
  const file = (await folder.open(name, { create: true }))!;
  try {
    await use(file);
  } finally {
    file.close();
  }
}

async function readWhole(folder: IndexFolder, name: string): Promise<Uint8Array | undefined> {
  const file = await folder.open(name);
  if (!file) return undefined;
  try {
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    return bytes;
  } finally {
    file.close();
  }
}

/** Whether a state may be counted so. */
export function isGeneration(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < MOST_GENERATIONS;
}

function twinsOf(name: string): readonly string[] {
  return [`${name}-a`, `${name}-b`];
}

function parse<State extends Stated>(bytes: Uint8Array): Partial<State> | undefined {
  const payload = unframe(bytes, 0);
  if (!payload) return undefined;
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
