import type { IndexFolder } from '../files/folder.ts';
import type { ColumnHeap } from '../vectors/vector-column.ts';
import { readDeletions } from './deletions.ts';
import { Journal } from './journal.ts';
import {
  type CollectionSettings,
  FORMAT_VERSION,
  filesOf,
  type Manifest,
  mendManifest,
  readManifest,
  type SegmentEntry,
  writeManifest,
} from './manifest.ts';
import { corrupt } from './section-file.ts';
import { Segment } from './segment.ts';
import type { CollectionSpace } from './space.ts';
import { Store } from './store.ts';

/** What opening has found out. */
export interface Recovery {
  /** Records of the journal that were replayed. */
  readonly replayed: number;
  /** Bytes at the end of the journal that were no whole record, and were cut off: what was being written when the power went, unless the disk has damaged it. */
  readonly tornBytes: number;
  /** Places in the middle of the journal that are damaged: what the records there did is lost. A journal that is missing is one. */
  readonly damagedRecords: number;
  /** Files that belong to nothing, and were removed: the remains of work that was interrupted. */
  readonly removedFiles: readonly string[];
}

/**
 * Opens what a collection has in a folder, or makes it. After a crash the journal is replayed, a torn end of it is dropped, and files that belong to
 * nothing are removed.
 *
 * @param settings - of a collection that is made now; one that is there has its own.
 * @throws SternaError `corrupt-file` where a file is damaged or of a later version, `storage`, `storage-full`, `limits`.
 */
export async function openStore(
  folder: IndexFolder,
  heap: ColumnHeap,
  settings: CollectionSettings,
): Promise<{ readonly store: Store; readonly recovery: Recovery }> {
  const manifest = (await readManifest(folder)) ?? (await makeFiles(folder, settings));
  const opened: { dispose(): void }[] = [];
  try {
    const segments: Segment[] = [];
    for (const entry of manifest.segments) {
      const segment = await Segment.open(folder, entry.file, heap);
      segments.push(segment);
      opened.push(segment);
      checkEntry(entry, segment, manifest.space);
      if (entry.deleted) await readDeletions(folder, entry.deleted, segment.ids);
    }
    await mendManifest(folder, manifest);
    const removedFiles = await removeOrphans(folder, manifest);
    const dimensions = manifest.space?.dimensions;
    const { journal, batches, ...rest } = await Journal.open(folder, manifest.journal, dimensions);
    opened.push({ dispose: () => journal.close() });
    const store = new Store(folder, heap, { manifest, segments, journal, batches });
    return { store, recovery: { ...rest, replayed: batches.length, removedFiles } };
  } catch (error) {
    for (const one of opened) one.dispose();
    throw error;
  }
}

async function makeFiles(folder: IndexFolder, settings: CollectionSettings): Promise<Manifest> {
  const manifest: Manifest = {
    version: FORMAT_VERSION,
    generation: 1,
    settings,
    segments: [],
    journal: 'journal-0',
    nextFile: 1,
    operations: [],
  };
  (await Journal.create(folder, manifest.journal)).close();
  await writeManifest(folder, manifest);
  return manifest;
}

/** @throws SternaError `corrupt-file` for a segment that is not the one that the manifest means. */
function checkEntry(
  { file, documents, rows, bytes }: SegmentEntry,
  segment: Segment,
  space: CollectionSpace | undefined,
): void {
  const isSame = segment.ids.length === documents && segment.rows === rows && segment.bytes === bytes;
  if (!isSame) throw corrupt(file, 'the manifest says that it has other documents');
  const { codes, rerank = codes } = segment;
  if (codes.dimensions !== space?.dimensions || rerank.dimensions !== space.dimensions)
    throw corrupt(
      file,
      `its vectors have ${codes.dimensions} dimensions, and the index ${space?.dimensions}`,
    );
}

/** Removes files that the manifest does not name. */
async function removeOrphans(folder: IndexFolder, manifest: Manifest): Promise<string[]> {
  const named = new Set(filesOf(manifest));
  const orphans = (await folder.names()).filter(
    (name) => /^(segment|journal|deleted)-[0-9]+$/.test(name) && !named.has(name),
  );
  for (const name of orphans) await folder.remove(name);
  return orphans;
}
