import { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import { planFunnel } from '../plan-funnel.ts';
import type { Scanner } from '../scan/scanner.ts';
import { calibrateRange } from '../vectors/calibrate.ts';
import type { CodeKind } from '../vectors/code-layout.ts';
import type { ColumnSpec } from '../vectors/vector-column.ts';
import type { Batch } from './changes.ts';
import { readDeletions, writeDeletions } from './deletions.ts';
import { Head } from './head.ts';
import { Journal } from './journal.ts';
import {
  type CollectionSettings,
  FORMAT_VERSION,
  type Manifest,
  readManifest,
  type SegmentEntry,
  writeManifest,
} from './manifest.ts';
import type { Part } from './part.ts';
import type { CollectionHit, CollectionQuery } from './query.ts';
import { searchParts } from './search.ts';
import { corrupt } from './section-file.ts';
import { Segment } from './segment.ts';
import { readText } from './stored-text.ts';
import { segmentsToMerge } from './tiers.ts';
import { type SegmentCodes, writeSegment } from './write-segment.ts';

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
  /** Bytes at the end of the journal that were no whole record, and were cut off: nothing that was acknowledged. */
  readonly tornBytes: number;
  /** Records in the middle of the journal that are damaged: what they did is lost. */
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
/** Fewest vectors that a range of codes is calibrated on. */
const CALIBRATION = 256;
/** Vectors that it is calibrated on at most. */
const MOST_CALIBRATION = 4096;
/** Operations that are remembered: those whose answer may not have arrived when their tab died. */
const REMEMBERED = 1024;

/** How to open a {@link Collection}. */
export interface CollectionOptions {
  readonly folder: IndexFolder;
  readonly scanner: Scanner;
  /** For a collection that is made now; one that is there has its own. */
  readonly settings: CollectionSettings;
  readonly seal?: SealLimits;
}

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
  private readonly operations: Set<string>;
  private maintaining = false;
  /** Exports that are under way: files stay as they are meanwhile. */
  private readers = 0;

  private constructor(
    private readonly folder: IndexFolder,
    private readonly scanner: Scanner,
    private readonly seal: SealLimits,
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
  static async open({ folder, scanner, settings, seal = SEAL }: CollectionOptions): Promise<Collection> {
    const manifest = (await readManifest(folder)) ?? (await makeCollection(folder, settings));
    const segments: Segment[] = [];
    try {
      for (const { file, deleted, documents } of manifest.segments) {
        const segment = await Segment.open(folder, file, scanner.heap);
        segments.push(segment);
        if (segment.ids.length !== documents)
          throw corrupt(file, 'the manifest says that it has other documents');
        if (deleted) await readDeletions(folder, deleted, segment.ids);
      }
      const removedFiles = await removeOrphans(folder, manifest);
      const { journal, batches, ...rest } = await Journal.open(folder, manifest.journal);
      const recovery = { ...rest, replayed: batches.length, removedFiles };
      const { space } = manifest;
      const head = space && new Head(scanner.heap, space.dimensions, manifest.settings.lexical);
      const collection = new Collection(folder, scanner, seal, manifest, segments, head, journal, recovery);
      for (const batch of batches) collection.take(batch);
      return collection;
    } catch (error) {
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

  /** How segments are searched. */
  get plan(): Manifest['plan'] {
    return this.manifest.plan;
  }

  /** Largest number that codes stand for, where they have a range and it is calibrated. */
  get range(): number | undefined {
    return this.manifest.range;
  }

  /**
   * Does what a batch says. When the promise settles it is durable.
   *
   * @param space - of the batch's vectors, where it has any.
   * @throws SternaError `space-mismatch`, `storage-full`, `storage`: nothing of the batch is done then.
   */
  apply(batch: Batch, space?: CollectionSpace): Promise<void> {
    return this.inTurn(async () => {
      if (this.operations.has(batch.operation)) return;
      if (space) await this.checkSpace(space);
      await this.journal.append(batch, this.space?.dimensions ?? 0);
      this.take(batch);
      this.maintainSoon();
    });
  }

  /** The passages that answer best. @throws SternaError `invalid-input`, `corrupt-file`. */
  search(query: CollectionQuery): CollectionHit[] {
    this.throwIfClosed();
    return searchParts(this.scanner, this.parts, query, this.manifest.plan);
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

  /** Closes its files. What was acknowledged is there when it is opened again. */
  async close(): Promise<void> {
    if (this.closed) return;
    await this.idle();
    this.closed = true;
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

  private async checkSpace({ id, dimensions }: CollectionSpace): Promise<void> {
    const { space } = this;
    if (space && space.id !== id) throw spaceMismatch(space.id, id);
    if (space) return;
    const next = { ...this.manifest, space: { id, dimensions }, generation: this.manifest.generation + 1 };
    await writeManifest(this.folder, next);
    this.manifest = next;
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
    const isFull = (this.head?.rows ?? 0) >= this.seal.rows || this.journal.size >= this.seal.bytes;
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
    const sealed: Segment[] = [];
    let { nextFile } = this.manifest;
    let { range } = this.manifest;
    if (head && head.ids.size > 0) {
      range ??= this.calibrated(head);
      const name = `segment-${nextFile++}`;
      await writeSegment(this.folder, name, [head], this.codesFor(range), this.scanner.heap);
      sealed.push(await Segment.open(this.folder, name, this.scanner.heap));
    }
    const journal = await Journal.open(this.folder, `journal-${nextFile}`);
    try {
      await this.switchTo([...this.segments, ...sealed], {
        journal: `journal-${nextFile++}`,
        nextFile,
        range,
        operations: [...this.operations],
      });
    } catch (error) {
      journal.journal.close();
      for (const segment of sealed) segment.dispose();
      throw error;
    }
    this.journal.close();
    this.journal = journal.journal;
    head?.dispose();
    this.head = this.space && new Head(this.scanner.heap, this.space.dimensions, this.settings.lexical);
    if (this.readers === 0) await removeOrphans(this.folder, this.manifest);
  }

  /** Writes segments as one. */
  private async merge(places: readonly number[]): Promise<void> {
    const old = places.map((place) => this.segments[place]);
    const others = this.segments.filter((segment) => !old.includes(segment));
    let { nextFile } = this.manifest;
    const merged: Segment[] = [];
    if (old.some(({ ids }) => ids.size > 0)) {
      const name = `segment-${nextFile++}`;
      const codes = this.codesFor(this.manifest.range);
      await writeSegment(this.folder, name, old, codes, this.scanner.heap);
      merged.push(await Segment.open(this.folder, name, this.scanner.heap));
    }
    try {
      await this.switchTo([...others, ...merged], { nextFile });
    } catch (error) {
      for (const segment of merged) segment.dispose();
      throw error;
    }
    for (const segment of old) segment.dispose();
    if (this.readers === 0) await removeOrphans(this.folder, this.manifest);
  }

  /** Makes these segments the collection's, by a new manifest. Removals that are only in the journal so far are noted beside it. */
  private async switchTo(segments: readonly Segment[], changes: Partial<Manifest>): Promise<void> {
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
    const { generation } = this.manifest;
    const manifest = {
      ...this.manifest,
      ...changes,
      generation: generation + 1,
      segments: entries,
      nextFile,
    };
    await writeManifest(this.folder, manifest);
    this.manifest = manifest;
    this.segments.splice(0, this.segments.length, ...segments);
  }

  private async planAnew(): Promise<void> {
    const parts = this.segments.filter((segment) => segment.rows > 0);
    if (parts.length === 0) return;
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const plan = { ...planFunnel(this.scanner, parts), rows };
    const manifest = { ...this.manifest, plan, generation: this.manifest.generation + 1 };
    await writeManifest(this.folder, manifest);
    this.manifest = manifest;
  }

  private calibrated(head: Head): number | undefined {
    const { codes, rerank } = this.settings;
    const kind = [codes, rerank].find((one) => one && needsRange(one));
    const { rows } = head;
    if (!kind || rows < CALIBRATION) return undefined;
    const { dimensions } = head.codes;
    const count = Math.min(rows, MOST_CALIBRATION);
    const sample = new Float32Array(count * dimensions);
    for (let i = 0; i < count; i++)
      head.codes.row(Math.floor((i * rows) / count), sample.subarray(i * dimensions, (i + 1) * dimensions));
    return calibrateRange(kind, sample);
  }

  /** While there is no range, vectors stay as they are: there are few of them. */
  private codesFor(range: number | undefined): SegmentCodes {
    const { codes, rerank } = this.settings;
    const { dimensions } = this.space!;
    const isKnown = (kind: CodeKind | undefined) => !kind || !needsRange(kind) || range !== undefined;
    const spec = (kind: CodeKind): ColumnSpec => ({
      kind,
      dimensions,
      range: needsRange(kind) ? range : undefined,
    });
    if (!isKnown(codes) || !isKnown(rerank)) return { codes: spec('float32') };
    return { codes: spec(codes), rerank: rerank && spec(rerank) };
  }
}

function needsRange(kind: CodeKind): boolean {
  return kind === 'int8' || kind === 'int4';
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
  await writeManifest(folder, manifest);
  return manifest;
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
