import { putInGroups, STEP, stepsOf } from './groups.ts';
import type { IndexCalls } from './index-calls.ts';
import type { AddOptions, SearchDocument } from './index-types.ts';
import type { Indexer } from './indexer.ts';
import { PAUSE_BEAT } from './write-pause.ts';

/**
 * Rounds that leave little to do and come to no end, because documents are changed meanwhile. After so many, changes wait for the last round.
 */
const PATIENT_ROUNDS = 3;

/**
 * Embeds all documents of an index anew into a collection beside it, round by round: each does what has changed during the one before. When nothing has, the
 * collections change places.
 *
 * @param indexer - of the new collection.
 * @param swap - changes their places, if both have the same documents, and tells whether that was done.
 * @throws the signal's reason; SternaError `storage-full`, `storage`; whatever the embedder throws. What was done is kept for the next call.
 */
export async function embedAnew(
  calls: IndexCalls,
  indexer: Indexer,
  swap: (operation: string) => Promise<boolean>,
  { signal, onProgress }: AddOptions,
): Promise<void> {
  const { settings } = indexer;
  await calls.perform({ kind: 'prepare', settings, space: await indexer.space(signal) }, signal);
  const operation = crypto.randomUUID();
  let small = 0;
  /** @returns whether it was the last one. */
  const round = async () => {
    const { put, remove } = await difference(calls, signal);
    await catchUp(calls, indexer, put, { signal, onProgress });
    if (remove.length > 0) await calls.apply([], remove, undefined, 'next');
    signal?.throwIfAborted();
    if (put.length <= STEP) small++;
    return swap(operation);
  };
  for (;;) {
    const isDone = await (small < PATIENT_ROUNDS ? round() : whilePaused(calls, operation, round));
    if (isDone) return;
  }
}

/** What the next collection lacks, and what it has too much. */
async function difference(
  { perform }: IndexCalls,
  signal?: AbortSignal,
): Promise<{ put: string[]; remove: string[] }> {
  const ids = await perform({ kind: 'ids' }, signal);
  const put: string[] = [];
  for (const some of stepsOf(ids)) {
    const [own, next] = await Promise.all([
      perform({ kind: 'hashes', ids: some }, signal),
      perform({ kind: 'hashes', ids: some, slot: 'next' }, signal),
    ]);
    put.push(...some.filter((_, i) => own[i] !== undefined && own[i] !== next[i]));
  }
  const there = new Set(ids);
  const others = await perform({ kind: 'ids', slot: 'next' }, signal);
  return { put, remove: others.filter((id) => !there.has(id)) };
}

async function catchUp(
  calls: IndexCalls,
  indexer: Indexer,
  ids: readonly string[],
  { signal, onProgress }: AddOptions,
): Promise<void> {
  let done = 0;
  for (const some of stepsOf(ids)) {
    signal?.throwIfAborted();
    const found = await calls.perform({ kind: 'get', ids: some }, signal);
    const documents: SearchDocument[] = found.filter((document) => document !== undefined);
    await putInGroups(documents, { signal }, (group) => calls.put(group, indexer, signal, 'next'));
    done += some.length;
    onProgress?.({ done, total: ids.length });
  }
}

/** Does work while documents stay as they are. */
async function whilePaused<T>({ perform }: IndexCalls, owner: string, work: () => Promise<T>): Promise<T> {
  const pause = () => perform({ kind: 'pause', owner });
  const beat = setInterval(() => void pause().catch(() => {}), PAUSE_BEAT);
  try {
    await pause();
    return await work();
  } finally {
    clearInterval(beat);
    await perform({ kind: 'resume', owner }).catch(() => {});
  }
}
