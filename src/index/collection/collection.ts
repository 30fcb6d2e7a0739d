import { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import { GpuSearch, type OpenGpu } from '../gpu/gpu-search.ts';
import { planFunnel } from '../plan-funnel.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { Batch } from './changes.ts';
import { checkBatch } from './check-batch.ts';
import { readDeletions, writeDeletions } from './deletions.ts';
import { Head } from './head.ts';
import { Journal } from './journal.ts';
import {
  type CollectionSettings,
  FORMAT_VERSION,
  type Manifest,
  mendManifest,
  readManifest,
  type SegmentEntry,
  writeManifest,
} from './manifest.ts';
import type { Part } from './part.ts';
import type { CollectionHit, CollectionQuery } from './query.ts';
import { searchParts } from './search.ts';
import { corrupt } from './section-file.ts';
import { Segment } from './segment.ts';
import { segmentCodes } from './segment-codes.ts';
import { readText } from './stored-text.ts';
import { segmentsToMerge } from './tiers.ts';
import { writeSegment } from './write-segment.ts';

/** A document with its passages. */
export interface StoredPassages {
  readonly id: string;
  readonly text: string;
  readonly metadata: CollectionHit['metadata'];
  readonly passages: readonly {
    readonly start: number;
    readonly end: number;
    readonly vector: Float32Array;
  }[];
}

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

/** The space of a collection's vectors. */
export interface CollectionSpace {
  readonly id: string;
  readonly dimensions: number;
}

/** When the head becomes a segment. */
export interface SealLimits {
  readonly rows: number;
  /** Bytes of the journal. */
  readonly bytes: number;
}

const SEAL: SealLimits = { rows: 8192, bytes: 32 * 2 ** 20 };
/** Operations that are remembered: those whose answer may not have arrived when their tab died. */
const REMEMBERED = 1024;

/** How to open a {@link Collection}. */
export interface CollectionOptions {
  readonly folder: IndexFolder;
  readonly scanner: Scanner;
  /** For a collection that is made now; one that is there has its own. */
  readonly settings: CollectionSettings;
  readonly seal?: SealLimits;
  /** A GPU, which is tried out when there are enough rows. */
  readonly openGpu?: OpenGpu;
  /** Rows from which on a GPU is tried out; 0 takes it whether it is faster or not, for tests. */
  readonly gpuRows?: number;
}

/** Fewer rows are scanned in less time than a GPU takes to answer. */
const GPU_ROWS = 200_000;

/**
 * Documents with their passages, vectors, postings and metadata, in a folder. One process has it open at a time.
 *
 * ```
 *   apply ─▶ journal (durable) ─▶ head ─ seal ─▶ segment ┐
 *                                        segments ─ merge ─▶ segment
 *   search ─▶ scan of segments and head ─▶ fusion ─▶ hits
 * ```
 *
 * A batch that was acknowledged is in the journal or in a segment that the manifest names; what was not is not there after a crash, or all of it is.
 */
export class Collection {
  /** Sealing and merging follow the batches, one after another. */
  private queue: Promise<unknown> = Promise.resolve();
  private closed = false;
  /** Set by what failed in the background; the next batch tries again. */
  private failure: unknown;
  /** Why it is not known any more which manifest counts; it is, when the collection is opened again. */
  private broken: unknown;
  private readonly operations: Set<string>;
  private maintaining = false;
  /** Where it was measured to be faster than the processor. */
  private gpu: GpuSearch | undefined;
  private rowsOfTrial = 0;
  /** Exports that are under way: files stay as they are meanwhile. */
  private readers = 0;

  private constructor(
    private readonly folder: IndexFolder,
    private readonly scanner: Scanner,
    private readonly options: CollectionOptions,
    private manifest: Manifest,
    private readonly segments: Segment[],
    private head: Head | undefined,
    private journal: Journal,
    readonly recovery: Recovery,
  ) {
    this.operations = new Set(manifest.operations);
  }

  /**
   * Opens a collection, or makes it. After a crash the journal is replayed, a torn end of it is dropped, and files that belong to nothing are removed.
   *
   * @throws SternaError `corrupt-file` where a file is damaged or of a later version, `storage`, `storage-full`, `limits`.
   */
  static async open(options: CollectionOptions): Promise<Collection> {
    const { folder, scanner, settings } = options;
    const manifest = (await readManifest(folder)) ?? (await makeCollection(folder, settings));
    const segments: Segment[] = [];
    let opened: { close(): void } | undefined;
    try {
      for (const entry of manifest.segments) {
        const segment = await Segment.open(folder, entry.file, scanner.heap);
        segments.push(segment);
        checkEntry(entry, segment, manifest.space);
        if (entry.deleted) await readDeletions(folder, entry.deleted, segment.ids);
      }
      await mendManifest(folder, manifest);
      const removedFiles = await removeOrphans(folder, manifest);
      const { journal, batches, ...rest } = await Journal.open(
        folder,
        manifest.journal,
        manifest.space?.dimensions,
      );
      opened = journal;
      const recovery = { ...rest, replayed: batches.length, removedFiles };
      const { space } = manifest;
      const head = space && new Head(scanner.heap, space.dimensions, manifest.settings.lexical);
      const collection = new Collection(
        folder,
        scanner,
        options,
        manifest,
        segments,
        head,
        journal,
        recovery,
      );
      for (const batch of batches) collection.take(batch);
      void collection.inTurn(() => collection.tryGpu()).catch(() => {});
      return collection;
    } catch (error) {
      opened?.close();
      for (const segment of segments) segment.dispose();
      throw error;
    }
  }

  get settings(): CollectionSettings {
    return this.manifest.settings;
  }

  /** Nothing until there is a vector. */
  get space(): CollectionSpace | undefined {
    return this.manifest.space;
  }

  /** Number of documents. */
  get size(): number {
    return this.parts.reduce((sum, { ids }) => sum + ids.size, 0);
  }

  /** Number of passages, those of removed documents included until their segment is written anew. */
  get rows(): number {
    return this.parts.reduce((sum, { rows }) => sum + rows, 0);
  }

  get segmentCount(): number {
    return this.segments.length;
  }

  /** Bytes of its files. */
  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, this.journal.size);
  }

  /** Whether a GPU scans the segments. */
  get isOnGpu(): boolean {
    return this.gpu !== undefined;
  }

  /** How segments are searched. */
  get plan(): Manifest['plan'] {
    return this.manifest.plan;
  }

  /**
   * Does what a batch says. When the promise settles it is durable.
   *
   * @param space - of the batch's vectors, where it has any.
   * @throws SternaError `invalid-input`, `invalid-vector`, `space-mismatch`, `storage-full`, `storage`: nothing of the batch is done then.
   */
  apply(batch: Batch, space?: CollectionSpace): Promise<void> {
    return this.inTurn(async () => {
      if (this.operations.has(batch.operation)) return;
      this.throwIfBroken();
      checkBatch(batch, (this.space ?? space)?.dimensions);
      if (space) await this.checkSpace(space);
      await this.journal.append(batch, this.space?.dimensions ?? 0);
      this.take(batch);
      this.maintainSoon();
    });
  }

  /** The passages that answer best. @throws SternaError `invalid-input`, `corrupt-file`. */
  async search(query: CollectionQuery): Promise<CollectionHit[]> {
    this.throwIfClosed();
    const { scanner, gpu, parts } = this;
    const { plan, generation } = this.manifest;
    if (!gpu) return searchParts({ scanner, plan }, parts, query);
    try {
      const hits = await searchParts({ scanner, gpu, plan }, parts, query);
      if (this.manifest.generation === generation) return hits;
    } catch (error) {
      if (this.gpu === gpu && isOfGpu(error)) this.leaveGpu();
    }
    // A GPU may go away, and segments may be merged while it is waited for: the processor is always there.
    this.throwIfClosed();
    return searchParts({ scanner, plan: this.manifest.plan }, this.parts, query);
  }

  /** A document with its hash; nothing where there is none. */
  get(id: string): Pick<CollectionHit, 'id' | 'text' | 'metadata'> | undefined {
    const place = this.find(id);
    return place && this.documentAt(place.part, place.document);
  }

  /** The hash of a document's text and metadata; nothing where there is no such document. */
  hash(id: string): string | undefined {
    const place = this.find(id);
    return place?.part.stored(place.document).hash;
  }

  has(id: string): boolean {
    return this.find(id) !== undefined;
  }

  /** Ids, part by part; the collection must stay as it is meanwhile. */
  *ids(): Generator<string> {
    for (const { ids } of this.parts)
      for (let document = 0; document < ids.length; document++) if (ids.has(document)) yield ids.at(document);
  }

  /** A document with the ranges and vectors of its passages, as near as the finest codes have them. */
  passages(id: string): StoredPassages | undefined {
    const place = this.find(id);
    if (!place) return undefined;
    const { part, document } = place;
    const first = part.firstRow(document);
    const passages = Array.from({ length: part.firstRow(document + 1) - first }, (_, i) => {
      const [start, end] = part.range(first + i);
      return { start, end, vector: (part.rerank ?? part.codes).row(first + i) };
    });
    return { ...this.documentAt(part, document), passages };
  }

  /** Bytes of one of its files that is not open otherwise. */
  async sizeOf(name: string): Promise<number> {
    const file = await this.folder.open(name);
    if (!file) throw corrupt(name, 'it is missing');
    const { size } = file;
    file.close();
    return size;
  }

  /** Bytes of one of its files, as they are. */
  async readFile(name: string, start: number, end: number): Promise<Uint8Array> {
    const segment = this.segments.find((one) => one.name === name);
    if (segment) return segment.rawBytes(start, end);
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

  /** Seals the head, and merges all segments into one: nothing of what was removed is left. */
  compact(): Promise<void> {
    return this.inTurn(async () => {
      await this.sealHead();
      const isOne = this.segments.length === 1 && this.segments[0].ids.size === this.segments[0].ids.length;
      if (this.segments.length > 0 && !isOne) await this.merge(this.segments.map((_, place) => place));
      await this.planAnew();
    });
  }

  /**
   * Seals the head, and keeps all files as they are until the returned function is called.
   *
   * @returns the names and sizes of the files, and the manifest that names them.
   */
  holdFiles(): Promise<{ readonly manifest: Manifest; readonly release: () => void }> {
    return this.inTurn(async () => {
      await this.sealHead();
      this.readers++;
      let isHeld = true;
      const release = () => {
        if (isHeld) this.readers--;
        isHeld = false;
      };
      return { manifest: this.manifest, release };
    });
  }

  /** Settles when nothing is going on. */
  async idle(): Promise<void> {
    for (let before: unknown; before !== this.queue; ) {
      before = this.queue;
      await before;
    }
  }

  /** Closes its files, after what is under way. What was acknowledged is there when it is opened again. */
  async close(): Promise<void> {
    await this.idle();
    if (this.closed) return;
    this.closed = true;
    this.leaveGpu();
    this.journal.close();
    this.head?.dispose();
    for (const segment of this.segments) segment.dispose();
  }

  private get parts(): readonly Part[] {
    return this.head ? [...this.segments, this.head] : this.segments;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(() => {
      this.throwIfClosed();
      return work();
    });
    this.queue = turn.catch(() => {});
    return turn;
  }

  private throwIfClosed(): void {
    if (this.closed) throw new SternaError('disposed', 'This index was closed; open it again.');
  }

  private throwIfBroken(): void {
    if (this.broken) throw this.broken;
  }

  private async checkSpace({ id, dimensions }: CollectionSpace): Promise<void> {
    const { space } = this;
    if (space && space.id !== id) throw spaceMismatch(space.id, id);
    if (space) return;
    this.manifest = await this.nextManifest({ space: { id, dimensions } });
    this.head = new Head(this.scanner.heap, dimensions, this.settings.lexical);
  }

  /** Brings a batch into memory; it is in the journal. */
  private take({ operation, remove, put }: Batch): void {
    this.remember(operation);
    for (const id of remove) this.drop(id);
    for (const document of put) {
      this.drop(document.id);
      this.head!.add(document);
    }
  }

  private drop(id: string): void {
    const place = this.find(id);
    place?.part.ids.remove(place.document);
  }

  private remember(operation: string): void {
    this.operations.add(operation);
    if (this.operations.size <= REMEMBERED) return;
    const [oldest] = this.operations;
    this.operations.delete(oldest);
  }

  private find(id: string): { part: Part; document: number } | undefined {
    for (const part of this.parts) {
      const document = part.ids.find(id);
      if (document >= 0) return { part, document };
    }
    return undefined;
  }

  private documentAt(part: Part, document: number) {
    const stored = part.stored(document);
    const { text, metadata } = readText(stored, (words, cause) => corrupt(part.name, words, cause));
    return { id: part.ids.at(document), text, metadata };
  }

  /** Sealing and merging, when the batches that wait are done. */
  private maintainSoon(): void {
    if (this.maintaining) return;
    this.maintaining = true;
    void this.inTurn(async () => {
      this.maintaining = false;
      await this.maintain();
    }).catch((error) => {
      // What was acknowledged is in the journal, so it can wait for the next batch.
      this.failure = error;
    });
  }

  private async maintain(): Promise<void> {
    this.failure = undefined;
    const { seal = SEAL } = this.options;
    const isFull = (this.head?.rows ?? 0) >= seal.rows || this.journal.size >= seal.bytes;
    if (this.readers > 0) return;
    if (isFull) await this.sealHead();
    for (;;) {
      const places = segmentsToMerge(
        this.segments.map(({ rows, bytes, ids }) => ({ rows, bytes, documents: ids.length, kept: ids.size })),
      );
      if (!places) break;
      await this.merge(places);
    }
    const rows = this.segments.reduce((sum, segment) => sum + segment.rows, 0);
    if (isFull && rows >= 2 * (this.manifest.plan?.rows ?? 0)) await this.planAnew();
    await this.tryGpu();
  }

  /** Why the last sealing or merging did not work; nothing where it did. */
  get maintenanceFailure(): unknown {
    return this.failure;
  }

  /** The head becomes a segment, and a new journal begins. */
  private async sealHead(): Promise<void> {
    const { head } = this;
    const isEmpty = this.journal.size === 0;
    if (isEmpty) return;
    let { nextFile } = this.manifest;
    let sealed: Segment | undefined;
    let journal: Journal | undefined;
    let manifest: Manifest;
    try {
      if (head && head.ids.size > 0) sealed = await this.written(`segment-${nextFile++}`, [head]);
      const name = `journal-${nextFile++}`;
      journal = await Journal.create(this.folder, name);
      const segments = sealed ? [...this.segments, sealed] : this.segments;
      const operations = [...this.operations];
      manifest = await this.manifestOf(segments, { journal: name, nextFile, operations });
    } catch (error) {
      journal?.close();
      sealed?.dispose();
      throw error;
    }
    // All at once from here on: a search sees the documents in the head or in the segment, not in both.
    this.manifest = manifest;
    if (sealed) this.segments.push(sealed);
    this.journal.close();
    this.journal = journal;
    head?.dispose();
    this.head = this.space && new Head(this.scanner.heap, this.space.dimensions, this.settings.lexical);
    await this.clearAway();
  }

  /** Writes segments as one. */
  private async merge(places: readonly number[]): Promise<void> {
    const old = places.map((place) => this.segments[place]);
    const segments = this.segments.filter((segment) => !old.includes(segment));
    let { nextFile } = this.manifest;
    let merged: Segment | undefined;
    try {
      if (old.some(({ ids }) => ids.size > 0)) merged = await this.written(`segment-${nextFile++}`, old);
      if (merged) segments.push(merged);
      this.manifest = await this.manifestOf(segments, { nextFile });
    } catch (error) {
      merged?.dispose();
      throw error;
    }
    this.segments.splice(0, this.segments.length, ...segments);
    for (const segment of old) segment.dispose();
    await this.clearAway();
  }

  private async written(name: string, parts: readonly Part[]): Promise<Segment> {
    const known = this.segments.find(({ calibration }) => calibration)?.calibration;
    const codes = segmentCodes(this.settings, this.space!.dimensions, parts, known);
    await writeSegment(this.folder, name, parts, codes, this.scanner.heap);
    return Segment.open(this.folder, name, this.scanner.heap);
  }

  /** Writes the manifest of these segments. Removals that are only in the journal so far are noted beside it. */
  private async manifestOf(segments: readonly Segment[], changes: Partial<Manifest>): Promise<Manifest> {
    let nextFile = changes.nextFile ?? this.manifest.nextFile;
    const entries: SegmentEntry[] = [];
    for (const segment of segments) {
      const { name, bytes, ids, rows } = segment;
      let deleted: string | undefined;
      if (ids.size < ids.length) {
        deleted = `deleted-${nextFile++}`;
        await writeDeletions(this.folder, deleted, ids);
      }
      entries.push({ file: name, bytes, documents: ids.length, rows, deleted });
    }
    return this.nextManifest({ ...changes, segments: entries, nextFile });
  }

  /** @returns a manifest with these changes, which is durable. */
  private async nextManifest(changes: Partial<Manifest>): Promise<Manifest> {
    this.throwIfBroken();
    const manifest = { ...this.manifest, ...changes, generation: this.manifest.generation + 1 };
    try {
      await writeManifest(this.folder, manifest);
    } catch (error) {
      // It may name another journal than the one that would be written to.
      if ((error as SternaError).code === 'storage') this.broken = error;
      throw error;
    }
    return manifest;
  }

  /** Removes files that count no more. They do no harm where that fails. */
  private async clearAway(): Promise<void> {
    if (this.readers === 0) await removeOrphans(this.folder, this.manifest).catch(() => {});
  }

  private async planAnew(): Promise<void> {
    const parts = this.segments.filter((segment) => segment.rows > 0);
    if (parts.length === 0) return;
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const plan = { ...planFunnel(this.scanner, parts), rows };
    this.manifest = await this.nextManifest({ plan });
  }

  /** Takes a GPU into service when that is worth while, and brings it what it lacks. */
  private async tryGpu(): Promise<void> {
    const { openGpu, gpuRows = GPU_ROWS } = this.options;
    const columns = this.segments.map(({ codes }) => codes);
    const rows = columns.reduce((sum, { length }) => sum + length, 0);
    if (this.gpu) {
      try {
        this.gpu.take(columns);
      } catch {
        this.leaveGpu();
      }
      return;
    }
    // It is tried again when there is twice as much.
    if (!openGpu || rows < gpuRows || rows === 0 || rows < 2 * this.rowsOfTrial) return;
    this.rowsOfTrial = rows;
    this.gpu = await GpuSearch.tryOut(openGpu, this.scanner, columns, this.manifest.plan, gpuRows === 0);
  }

  private leaveGpu(): void {
    this.gpu?.dispose();
    this.gpu = undefined;
  }
}

function isOfGpu(error: unknown): boolean {
  const codes: readonly string[] = ['device-lost', 'limits', 'wrong-results', 'disposed', 'no-webgpu'];
  return error instanceof SternaError && codes.includes(error.code);
}

async function makeCollection(folder: IndexFolder, settings: CollectionSettings): Promise<Manifest> {
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
  const named = new Set(
    manifest.segments.flatMap(({ file, deleted }) => (deleted ? [file, deleted] : [file])),
  );
  named.add(manifest.journal);
  const orphans = (await folder.names()).filter(
    (name) => /^(segment|journal|deleted)-[0-9]+$/.test(name) && !named.has(name),
  );
  for (const name of orphans) await folder.remove(name);
  return orphans;
}

/** Vectors of one space are never compared with those of another. */
export function spaceMismatch(index: string, other: string): SternaError {
  return new SternaError(
    'space-mismatch',
    `The index has vectors of ${index} and the embedder makes ${other}; they cannot be compared. Call reindex() with the new embedder, or open the index with the old one.`,
  );
}
