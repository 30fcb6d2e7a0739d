import type { Collection, CollectionOptions, StoredPassages } from '../index/collection/collection.ts';
import type { CollectionHit } from '../index/collection/query.ts';
import { spaceMismatch } from '../index/collection/space.ts';
import type { Service } from '../tabs/service.ts';
import { ExportHold } from './export-hold.ts';
import { Imports } from './imports.ts';
import { Slots } from './slots.ts';
import type { IndexProducts, IndexReport, IndexWork, Slot, WorkOf } from './work.ts';
import { WritePause } from './write-pause.ts';

/** How to open an index. `settings` are those of an index that is made now. */
export type IndexServiceOptions = Omit<CollectionOptions, 'seal'>;

/**
 * An index as a service: a {@link Collection}, and beside it at times another one that is to take its place, when all documents are
 * embedded anew or an export is brought in. Which of them counts is one small file, so that they change places at once.
 *
 * Work may come twice, the second time to a service that was opened after this one has died in the middle of it: batches, swaps and imports have names, and
 * what is done is not done again.
 */
export class IndexService implements Service<IndexWork, IndexProducts[IndexWork['kind']], IndexReport> {
  private readonly pause = new WritePause();
  private readonly exporting = new ExportHold();
  private readonly imports: Imports;

  private constructor(
    private readonly options: IndexServiceOptions,
    private readonly slots: Slots,
  ) {
    this.imports = new Imports(slots);
  }

  /** @throws SternaError as {@link Collection.open}. */
  static async open(options: IndexServiceOptions): Promise<IndexService> {
    return new IndexService(options, await Slots.open(options));
  }

  get report(): IndexReport {
    const { current } = this.slots;
    const { folder, scanner } = this.options;
    const failure = current.maintenanceFailure;
    return {
      documents: current.size,
      passages: current.rows,
      space: current.space,
      settings: current.settings,
      segments: current.segmentCount,
      bytes: current.bytes,
      plan: current.plan && { planes: current.plan.planes, oversample: current.plan.oversample },
      lasting: folder.lasting,
      location: folder.location,
      adapter: current.isOnGpu ? `WebGPU and ${scanner.adapter}` : scanner.adapter,
      recovery: current.recovery,
      failure: failure === undefined ? undefined : String((failure as Error).message ?? failure),
    };
  }

  async perform(work: IndexWork, signal?: AbortSignal): Promise<IndexProducts[IndexWork['kind']]> {
    signal?.throwIfAborted();
    const { slots, imports, exporting } = this;
    const { current } = slots;
    switch (work.kind) {
      case 'info':
        return this.report;
      case 'apply':
        await this.apply(work);
        return this.report;
      case 'search':
        return this.search(work);
      case 'get':
        return work.ids.map((id) => current.get(id));
      case 'hashes': {
        const collection = await this.collection(work.slot);
        return work.ids.map((id) => collection.hash(id));
      }
      case 'ids':
        return [...(await this.collection(work.slot)).ids()];
      case 'passages':
        return work.ids.map((id): StoredPassages | undefined => current.passages(id));
      case 'compact':
        await current.compact();
        return this.report;
      case 'prepare':
        await slots.prepare(work.settings, work.space);
        return this.report;
      case 'swap':
        return slots.swapIfSame(work.operation);
      case 'pause':
        this.pause.begin(work.owner);
        await slots.settled;
        return undefined;
      case 'resume':
        return this.pause.end(work.owner) as undefined;
      case 'hold':
        return exporting.begin(current);
      case 'read':
        return exporting.read(current, work.file, work.start, work.end);
      case 'release':
        return exporting.end() as undefined;
      case 'begin-import':
        return imports.begin(work.operation) as Promise<undefined>;
      case 'write':
        return imports.write(work.operation, work.file, work.at, work.bytes) as Promise<undefined>;
      case 'adopt':
        await imports.adopt(work.operation, work.manifest);
        return this.report;
      case 'cancel-import':
        return imports.cancel(work.operation) as Promise<undefined>;
    }
  }

  /** Closes files; work under way is refused. */
  dispose(): void {
    void this.close().catch(() => {});
  }

  /** Settles when the files are closed. */
  async close(): Promise<void> {
    this.pause.dispose();
    this.exporting.end();
    this.imports.dispose();
    await this.slots.close();
  }

  private async apply({ batch, space, slot }: WorkOf<'apply'>): Promise<void> {
    const { slots, pause } = this;
    if (slot === 'next') return (await this.collection(slot)).apply(batch, space);
    // A batch that is acknowledged must not go with the collection that is removed.
    while (pause.over ?? slots.swapping) await (pause.over ?? slots.swapping);
    return slots.apply(batch, space);
  }

  /** Searches; hits of a collection that was replaced meanwhile do not count. */
  private async search({ query, space }: WorkOf<'search'>): Promise<readonly CollectionHit[]> {
    const { current } = this.slots;
    if (space && current.space && current.space.id !== space) throw spaceMismatch(current.space.id, space);
    const isCurrent = () => current === this.slots.current;
    const hits = await current.search(query).catch((error) => {
      if (isCurrent()) throw error;
    });
    return hits && isCurrent() ? hits : this.search({ kind: 'search', query, space });
  }

  private async collection(slot: Slot = 'current'): Promise<Collection> {
    if (slot === 'current') return this.slots.current;
    // Whoever makes the next collection is at work.
    this.pause.renew();
    return this.slots.next();
  }
}
