import type { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import type { FunnelPlan } from '../funnel.ts';
import type { ColumnHeap } from '../vectors/vector-column.ts';
import type { Breath } from './breath.ts';
import type { Batch } from './changes.ts';
import { writeDeletions } from './deletions.ts';
import { Documents } from './documents.ts';
import { FrozenPart } from './frozen-part.ts';
import { Head } from './head.ts';
import { Journal } from './journal.ts';
import { Leases } from './leases.ts';
import { filesOf, type Manifest, type SegmentEntry, writeManifest } from './manifest.ts';
import type { Part } from './part.ts';
import { corrupt } from './section-file.ts';
import { Segment } from './segment.ts';
import { segmentCodes } from './segment-codes.ts';
import { type CollectionSpace, spaceMismatch } from './space.ts';
import { writeSegment } from './write-segment.ts';

/** Operations that are remembered: those whose answer may not have arrived when their tab died. */
const REMEMBERED = 1024;

/** What of a collection is on the disk, as opening has found it. */
export interface StoredState {
  readonly manifest: Manifest;
  readonly segments: readonly Segment[];
  readonly journal: Journal;
  /** Batches of the journal, which are not in segments. */
  readonly batches: readonly Batch[];
}

/**
 * The documents of a collection, and the files that they are in. Each change of the files is one manifest: it counts when that is durable, and whatever
 * fails before leaves all as it was.
 *
 * What changes it is called one after another, but for {@link write}, which may go on beside all of it.
 */
export class Store {
  readonly documents: Documents;
  /** Who reads which parts. */
  readonly leases = new Leases(() => void this.clearAway());
  /** Settles when the head is sealed that is being sealed. */
  sealing: Promise<void> | undefined;
  private manifest: Manifest;
  private journal: Journal;
  /** Operations that were performed lately, the oldest first. */
  private readonly operations: Set<string>;
  /** Number of the next file. None is given twice, so that whatever is left of one is taken for no other. */
  private nextFile: number;
  /** Files that count no more, and are there still. */
  private readonly obsolete = new Set<string>();
  /** Settles when those of them are removed that can be. */
  private clearing: Promise<void> = Promise.resolve();
  /** Exports that are under way: files stay as they are meanwhile. */
  private holds = 0;
  /** Why it is not known any more which manifest counts; it is, when the collection is opened again. */
  private broken: unknown;

  constructor(
    private readonly folder: IndexFolder,
    private readonly heap: ColumnHeap,
    { manifest, segments, journal, batches }: StoredState,
  ) {
    this.manifest = manifest;
    this.journal = journal;
    this.nextFile = manifest.nextFile;
    this.operations = new Set(manifest.operations);
    this.documents = new Documents(segments, this.emptyHead());
    for (const batch of batches) this.take(batch);
  }

  /** What says which files count. */
  get state(): Manifest {
    return this.manifest;
  }

  get segments(): readonly Segment[] {
    return this.documents.segments;
  }

  /** Bytes of its files. */
  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, this.journal.size);
  }

  /** Bytes of the journal: what a seal would put into a segment. */
  get journalBytes(): number {
    return this.journal.size;
  }

  /** Whether an operation was performed, as far as is remembered. */
  hasDone(operation: string): boolean {
    return this.operations.has(operation);
  }

  /** Takes a space for its own where it has none. @throws SternaError `space-mismatch` where it has another one, `storage-full`, `storage`. */
  async agreeOn({ id, dimensions }: CollectionSpace): Promise<void> {
    const { space } = this.manifest;
    if (space && space.id !== id) throw spaceMismatch(space.id, id);
    if (space) return;
    this.manifest = await this.nextManifest({ space: { id, dimensions } });
    this.documents.head = this.emptyHead();
  }

  /** Does what a batch says, which was checked; it is durable when the promise settles. @throws SternaError `storage-full`, `storage`. */
  async append(batch: Batch): Promise<void> {
    await this.journal.append(batch, this.manifest.space?.dimensions ?? 0);
    this.take(batch);
  }

  /** The head becomes a segment, and a new journal begins. @throws SternaError `storage-full`, `storage`, `limits`. */
  async seal(): Promise<void> {
    const sealing = this.sealHead();
    this.sealing = sealing.catch(() => {});
    try {
      await sealing;
    } finally {
      this.sealing = undefined;
    }
  }

  /**
   * Writes parts as a segment that does not count yet. Batches may come meanwhile; parts from which documents may be removed then must be frozen.
   *
   * @param breath - of this work.
   * @throws SternaError as `writeSegment`; whatever the breath throws. No file is left then, where it can be removed.
   */
  async write(parts: readonly Part[], breath?: Breath): Promise<Segment> {
    const name = this.newName('segment');
    const known = this.segments.find(({ mean }) => mean)?.mean;
    const codes = segmentCodes(this.manifest.settings, this.manifest.space!.dimensions, parts, known);
    await writeSegment(this.folder, name, parts, codes, this.heap, breath);
    try {
      return await Segment.open(this.folder, name, this.heap);
    } catch (error) {
      await this.discard([name]);
      throw error;
    }
  }

  /**
   * Puts a segment in the place of others that it was written of. Documents that were removed meanwhile are removed from it, too.
   *
   * @param parts - the others, as they were when it was begun.
   * @param merged - nothing where none of their documents was left.
   * @throws SternaError `storage-full`, `storage`: then all is as it was, and the segment is gone.
   */
  async replace(
    old: readonly Segment[],
    parts: readonly FrozenPart[],
    merged: Segment | undefined,
  ): Promise<void> {
    const rest = this.segments.filter((segment) => !old.includes(segment));
    let manifest: Manifest;
    try {
      if (merged) for (const document of FrozenPart.removedSince(parts)) merged.ids.remove(document);
      manifest = await this.manifestOf(merged ? [...rest, merged] : rest);
    } catch (error) {
      merged?.dispose();
      await this.discard(merged ? [merged.name] : []);
      throw error;
    }
    this.adopt(manifest);
    this.documents.segments = merged ? [...rest, merged] : rest;
    for (const segment of old) this.leases.retire(segment);
    await this.clearAway();
  }

  /** Notes how segments are to be searched. @throws SternaError `storage-full`, `storage`. */
  async planBy(plan: FunnelPlan & { readonly rows: number }): Promise<void> {
    this.manifest = await this.nextManifest({ plan });
  }

  /** Whether files stay as they are. */
  get isHeld(): boolean {
    return this.holds > 0;
  }

  /** Keeps all files until the returned function is called. */
  hold(): () => void {
    this.holds++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.holds--;
      void this.clearAway();
    };
  }

  /** Bytes of one of its files that is not open otherwise. @throws SternaError `corrupt-file` where it is missing. */
  async sizeOf(name: string): Promise<number> {
    const file = await this.folder.open(name);
    if (!file) throw corrupt(name, 'it is missing');
    const { size } = file;
    file.close();
    return size;
  }

  /** Bytes of one of its files, as they are. @throws SternaError `corrupt-file`. */
  async readFile(name: string, start: number, end: number): Promise<Uint8Array> {
    const open = this.segments.find((segment) => segment.name === name) ?? this.leases.retiredOf(name);
    if (open instanceof Segment) return open.rawBytes(start, end);
    const file = await this.folder.open(name);
    if (!file) throw corrupt(name, 'it is missing');
    try {
      const bytes = new Uint8Array(end - start);
      file.read(start, bytes);
      return bytes;
    } finally {
      file.close();
    }
  }

  /** Settles when its files are closed: those that are read, when that has ended. */
  async close(): Promise<void> {
    this.journal.close();
    for (const part of this.documents.parts) this.leases.retire(part);
    await this.leases.settled();
    await this.clearing;
    this.obsolete.clear();
  }

  /** @throws what made it unknown which manifest counts. */
  throwIfBroken(): void {
    if (this.broken) throw this.broken;
  }

  private emptyHead(): Head | undefined {
    const { space, settings } = this.manifest;
    return space && new Head(this.heap, space.dimensions, settings.lexical);
  }

  private newName(kind: 'segment' | 'journal' | 'deleted'): string {
    return `${kind}-${this.nextFile++}`;
  }

  /** Brings a batch into memory; it is in the journal. */
  private take(batch: Batch): void {
    this.operations.add(batch.operation);
    if (this.operations.size > REMEMBERED) {
      const [oldest] = this.operations;
      this.operations.delete(oldest);
    }
    this.documents.take(batch);
  }

  private async sealHead(): Promise<void> {
    const { head } = this.documents;
    if (this.journal.size === 0) return;
    const name = this.newName('journal');
    let sealed: Segment | undefined;
    let journal: Journal | undefined;
    let manifest: Manifest;
    try {
      if (head && head.ids.size > 0) sealed = await this.write([head]);
      journal = await Journal.create(this.folder, name);
      const segments = sealed ? [...this.segments, sealed] : this.segments;
      manifest = await this.manifestOf(segments, { journal: name, operations: [...this.operations] });
    } catch (error) {
      journal?.close();
      sealed?.dispose();
      await this.discard(sealed ? [name, sealed.name] : [name]);
      throw error;
    }
    // All at once from here on: a search sees the documents in the head or in the segment, not in both.
    this.adopt(manifest);
    if (sealed) this.documents.segments = [...this.segments, sealed];
    this.journal.close();
    this.journal = journal;
    if (head) this.leases.retire(head);
    this.documents.head = this.emptyHead();
    await this.clearAway();
  }

  /** Writes the manifest of these segments. Removals that are only in the journal so far are noted beside it. */
  private async manifestOf(segments: readonly Segment[], changes: Partial<Manifest> = {}): Promise<Manifest> {
    const entries: SegmentEntry[] = [];
    try {
      for (const { name, bytes, ids, rows } of segments) {
        const deleted = ids.size < ids.length ? this.newName('deleted') : undefined;
        entries.push({ file: name, bytes, documents: ids.length, rows, deleted });
        if (deleted) await writeDeletions(this.folder, deleted, ids);
      }
      return await this.nextManifest({ ...changes, segments: entries });
    } catch (error) {
      await this.discard(entries.flatMap(({ deleted }) => deleted ?? []));
      throw error;
    }
  }

  /** @returns a manifest with these changes, which is durable. */
  private async nextManifest(changes: Partial<Manifest>): Promise<Manifest> {
    this.throwIfBroken();
    const { nextFile } = this;
    const manifest = { ...this.manifest, ...changes, nextFile, generation: this.manifest.generation + 1 };
    try {
      await writeManifest(this.folder, manifest);
    } catch (error) {
      // It may name another journal than the one that would be written to.
      if ((error as SternaError).code === 'storage') this.broken = error;
      throw error;
    }
    return manifest;
  }

  private adopt(manifest: Manifest): void {
    const named = new Set(filesOf(manifest));
    for (const name of filesOf(this.manifest)) if (!named.has(name)) this.obsolete.add(name);
    this.manifest = manifest;
  }

  /** Removes files that were made for nothing. */
  private async discard(names: readonly string[]): Promise<void> {
    for (const name of names) this.obsolete.add(name);
    await this.clearAway();
  }

  /** Removes files that count no more and that nobody reads. They do no harm where that fails: they are removed when the collection is opened. */
  private clearAway(): Promise<void> {
    this.clearing = this.clearing.then(async () => {
      for (const name of this.obsolete) {
        if (this.isHeld || this.broken) return;
        if (this.leases.retiredOf(name)) continue;
        const isGone = await this.folder.remove(name).then(
          () => true,
          () => false,
        );
        if (isGone) this.obsolete.delete(name);
      }
    });
    return this.clearing;
  }
}
