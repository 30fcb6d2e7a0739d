import { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import type { OpenGpu } from '../gpu/gpu-search.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { Batch } from './changes.ts';
import { checkBatch } from './check-batch.ts';
import type { Documents, StoredDocument, StoredPassages } from './documents.ts';
import { GpuShare, isOfGpu } from './gpu-share.ts';
import { Maintenance, type SealLimits } from './maintenance.ts';
import type { CollectionSettings, Manifest } from './manifest.ts';
import { openStore, type Recovery } from './open-store.ts';
import type { CollectionHit, CollectionQuery } from './query.ts';
import { searchParts } from './search.ts';
import type { CollectionSpace } from './space.ts';
import type { Store } from './store.ts';
import { Turns } from './turns.ts';

export type { StoredDocument, StoredPassages } from './documents.ts';
export type { SealLimits } from './maintenance.ts';
export type { Recovery } from './open-store.ts';
export type { CollectionSpace } from './space.ts';

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
  /** Of all that changes the store: batches, seals, and the swaps at the end of merges. */
  private readonly turns = new Turns();
  private readonly gpu: GpuShare;
  private readonly maintenance: Maintenance;
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly store: Store,
    readonly recovery: Recovery,
    private readonly scanner: Scanner,
    { openGpu, gpuRows, seal }: CollectionOptions,
  ) {
    this.gpu = new GpuShare(scanner, openGpu, gpuRows);
    const { turns, gpu } = this;
    this.maintenance = new Maintenance({ store, turns, scanner, gpu }, seal);
  }

  /**
   * Opens a collection, or makes it. After a crash the journal is replayed, a torn end of it is dropped, and files that belong to nothing are removed.
   * What was to be sealed or merged before is begun then.
   *
   * @throws SternaError `corrupt-file` where a file is damaged or of a later version, `storage`, `storage-full`, `limits`.
   */
  static async open(options: CollectionOptions): Promise<Collection> {
    const { folder, scanner, settings } = options;
    const { store, recovery } = await openStore(folder, scanner.heap, settings);
    const collection = new Collection(store, recovery, scanner, options);
    collection.maintenance.soon();
    return collection;
  }

  get settings(): CollectionSettings {
    return this.store.state.settings;
  }

  /** Nothing until there is a vector. */
  get space(): CollectionSpace | undefined {
    return this.store.state.space;
  }

  /** Number of documents. */
  get size(): number {
    return this.documents.size;
  }

  /** Number of passages, those of removed documents included until their segment is written anew. */
  get rows(): number {
    return this.documents.rows;
  }

  get segmentCount(): number {
    return this.store.segments.length;
  }

  /** Bytes of its files. */
  get bytes(): number {
    return this.store.bytes;
  }

  /** Whether a GPU scans the segments. */
  get isOnGpu(): boolean {
    return this.gpu.search !== undefined;
  }

  /** How segments are searched. */
  get plan(): Manifest['plan'] {
    return this.store.state.plan;
  }

  /** Why the last sealing or merging did not work; nothing where it did. It is tried again after the next batch. */
  get maintenanceFailure(): unknown {
    return this.maintenance.failure;
  }

  /**
   * Does what a batch says. When the promise settles it is durable. It waits for the batches before it and for a seal, not for merges.
   *
   * @param space - of the batch's vectors, where it has any.
   * @throws SternaError `invalid-input`, `invalid-vector`, `space-mismatch`, `storage-full`, `storage`: nothing of the batch is done then.
   */
  apply(batch: Batch, space?: CollectionSpace): Promise<void> {
    return this.inTurn(async () => {
      const { store } = this;
      if (store.hasDone(batch.operation)) return;
      store.throwIfBroken();
      checkBatch(batch, (this.space ?? space)?.dimensions);
      if (space) await store.agreeOn(space);
      await store.append(batch);
      this.maintenance.soon();
    });
  }

  /** The passages that answer best. @throws SternaError `invalid-input`, `corrupt-file`. */
  async search(query: CollectionQuery): Promise<CollectionHit[]> {
    this.throwIfClosed();
    const { search } = this.gpu;
    const { generation } = this.store.state;
    if (!search) return this.searchBy(undefined, query);
    try {
      const hits = await this.searchBy(search, query);
      if (this.store.state.generation === generation) return hits;
    } catch (error) {
      if (this.gpu.search === search && isOfGpu(error)) this.gpu.leave();
    }
    // A GPU may go away, and segments may be merged while it is waited for: the processor is always there.
    this.throwIfClosed();
    return this.searchBy(undefined, query);
  }

  /** A document; nothing where there is none. @throws SternaError `corrupt-file`. */
  get(id: string): StoredDocument | undefined {
    return this.documents.get(id);
  }

  /** The hash of a document's text and metadata; nothing where there is no such document. @throws SternaError `corrupt-file`. */
  hash(id: string): string | undefined {
    return this.documents.hash(id);
  }

  has(id: string): boolean {
    return this.documents.has(id);
  }

  /** Ids, part by part; the collection must stay as it is meanwhile. */
  ids(): Generator<string> {
    return this.documents.ids();
  }

  /** A document with the ranges and vectors of its passages, as near as the finest codes have them. @throws SternaError `corrupt-file`. */
  passages(id: string): StoredPassages | undefined {
    return this.documents.passages(id);
  }

  /** Bytes of one of its files that is not open otherwise. @throws SternaError `corrupt-file` where it is missing. */
  sizeOf(name: string): Promise<number> {
    return this.store.sizeOf(name);
  }

  /** Bytes of one of its files, as they are. @throws SternaError `corrupt-file`. */
  readFile(name: string, start: number, end: number): Promise<Uint8Array> {
    return this.store.readFile(name, start, end);
  }

  /**
   * Seals the head, and merges all segments into one: nothing is left of what was removed before. Batches and searches go on meanwhile; what they add is
   * in the head when it is done.
   *
   * @throws SternaError `corrupt-file`, `storage-full`, `storage`, `limits`: then all documents are there as before.
   */
  async compact(): Promise<void> {
    this.throwIfClosed();
    await this.maintenance.compact();
  }

  /**
   * Seals the head, and keeps all files as they are until the returned function is called: what is merged meanwhile comes beside them.
   *
   * @returns the manifest that names the files, and the function.
   */
  holdFiles(): Promise<{ readonly manifest: Manifest; readonly release: () => void }> {
    return this.inTurn(async () => {
      await this.store.seal();
      const { state } = this.store;
      const giveBack = this.store.hold();
      const release = () => {
        giveBack();
        // What has waited for the files to be free.
        this.maintenance.soon();
      };
      return { manifest: state, release };
    });
  }

  /** Settles when nothing is going on: no batch, no seal, no merge. */
  idle(): Promise<void> {
    return this.maintenance.idle();
  }

  /**
   * Closes its files, after the batches and compactions that were asked for. A merge that goes on by itself is ended: it is done another time, so wait for
   * {@link idle} where there is time for it. What was acknowledged is there when it is opened again.
   */
  close(): Promise<void> {
    this.closing ??= this.closeFiles();
    return this.closing;
  }

  private async closeFiles(): Promise<void> {
    this.maintenance.end();
    await this.idle();
    this.gpu.leave();
    await this.store.close();
  }

  private get documents(): Documents {
    return this.store.documents;
  }

  private async searchBy(gpu: GpuShare['search'], query: CollectionQuery): Promise<CollectionHit[]> {
    const { parts } = this.documents;
    const giveBack = this.store.leases.take(parts);
    try {
      return await searchParts({ scanner: this.scanner, gpu, plan: this.plan }, parts, query);
    } finally {
      giveBack();
    }
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.throwIfClosed();
    return this.turns.take(work);
  }

  private throwIfClosed(): void {
    if (this.closing) throw new SternaError('disposed', 'This index was closed; open it again.');
  }
}
