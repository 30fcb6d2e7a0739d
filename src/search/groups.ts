import type { AddOptions, SearchDocument } from './index-types.ts';

/** Documents that are compared with a source, or read for an export, at a time. */
export const STEP = 256;
/** Documents are added in groups of about this many UTF-16 units, and at most so many: what is done can be found while the rest is under way. */
const GROUP_UNITS = 16_000;
const GROUP_DOCUMENTS = 512;

/** Puts documents in group by group. @param put - settles when a group is done. @throws the signal's reason between two groups, and what `put` throws. */
export async function putInGroups<M extends object>(
  documents: readonly SearchDocument<M>[],
  { signal, onProgress }: AddOptions,
  put: (group: readonly SearchDocument<M>[]) => Promise<void>,
): Promise<void> {
  const total = documents.length;
  for (let done = 0; done < total; ) {
    const group = nextGroup(documents, done);
    signal?.throwIfAborted();
    await put(group);
    done += group.length;
    onProgress?.({ done, total });
  }
}

/** A list in parts of {@link STEP}. */
export function* stepsOf<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += STEP) yield list.slice(at, at + STEP);
}

/** What a source gives, in parts of {@link STEP}. */
export async function* stepsOfSource<T>(source: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const one of source) {
    group.push(one);
    if (group.length < STEP) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Documents from `from` on until they have enough text. */
function nextGroup<M extends object>(
  documents: readonly SearchDocument<M>[],
  from: number,
): readonly SearchDocument<M>[] {
  let to = from;
  for (
    let units = 0;
    to < documents.length && to - from < GROUP_DOCUMENTS && (to === from || units < GROUP_UNITS);
    to++
  )
    units += documents[to].text.length;
  return documents.slice(from, to);
}
