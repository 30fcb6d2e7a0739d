import { SternaError, type SternaErrorCode } from '../errors.ts';
import type { Batch } from '../index/collection/changes.ts';
import { Collection, type CollectionOptions, type CollectionSpace } from '../index/collection/collection.ts';
import { type CollectionSettings, forgetManifest, readManifest } from '../index/collection/manifest.ts';
import { Turns } from '../index/collection/turns.ts';
import type { IndexFolder } from '../index/files/folder.ts';
import { SlotFolder } from '../index/files/slot-folder.ts';
import { Root } from './root.ts';

/**
 * The collections of an index: the current one, and at times a next one that is to take its place. They lie in two sets of files of one folder. What changes
 * them is done one after another.
 */
export class Slots {
  private openedNext: Collection | undefined;
  private readonly turns = new Turns();
  private closed = false;
  /** Settles when the batches for the current collection are done that were asked for so far. */
  private batches: Promise<unknown> = Promise.resolve();
  private swap: Promise<unknown> | undefined;

  private constructor(
    private readonly options: CollectionOptions,
    readonly root: Root,
    private known: Collection,
  ) {}

  /** @param options - `folder` holds both sets. @throws SternaError as `Root.open` and `Collection.open`. */
  static async open(options: CollectionOptions): Promise<Slots> {
    const { folder } = options;
    const root = await Root.open(folder);
    const current = await Collection.open({ ...options, folder: folderOf(folder, root.state.current) });
    const slots = new Slots(options, root, current);
    const { isPreparing, importing } = root.state;
    // Remains do no harm, and there may be no room to say so.
    if (!isPreparing && importing === undefined) await clear(slots.nextFolder).catch(() => {});
    return slots;
  }

  /** The collection that is searched. */
  get current(): Collection {
    return this.known;
  }

  /** Settles when the collections have changed places, or not; absent while they are not about to. No batch must be applied meanwhile. */
  get swapping(): Promise<unknown> | undefined {
    return this.swap;
  }

  /** Settles when no batch is under way of those that were applied before. */
  get settled(): Promise<unknown> {
    return this.batches;
  }

  /** Where the files of the next collection are. */
  get nextFolder(): IndexFolder {
    return folderOf(this.options.folder, this.root.other);
  }

  /**
   * The collection that is being made to take the current one's place. One that another process has begun is opened.
   *
   * @throws SternaError `invalid-input` where there is none, `corrupt-file`.
   */
  async next(): Promise<Collection> {
    // An import has a next collection, too, which is nobody else's.
    if (this.openedNext && this.root.state.isPreparing) return this.openedNext;
    return this.inTurn(() => this.preparedNext());
  }

  /** Does work after what was asked for before. @throws SternaError `disposed`, and what the work throws. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.take(() => {
      if (this.closed) throw new SternaError('disposed', 'This index was closed; open it again.');
      return work();
    });
  }

  /** Does what a batch says, in the current collection. @throws SternaError as `Collection.apply`. */
  apply(batch: Batch, space?: CollectionSpace): Promise<void> {
    this.root.throwIfBroken();
    const applied = this.current.apply(batch, space);
    // Without the outcomes, which would hold those of all batches before.
    this.batches = Promise.allSettled([this.batches, applied]).then(() => {});
    return applied;
  }

  /** Begins a next collection, or goes on with one of this space and these settings. */
  prepare(settings: CollectionSettings, space: string): Promise<void> {
    return this.inTurn(async () => {
      const { isPreparing } = this.root.state;
      const next = isPreparing ? await this.openNext().catch(passOver('corrupt-file')) : undefined;
      if (next && isLike(next, settings, space)) return;
      await this.discardNext();
      await this.root.change({ isPreparing: true });
      this.openedNext = await Collection.open({ ...this.options, folder: this.nextFolder, settings });
    });
  }

  /**
   * Puts the next collection in the place of the current one, if both have the same documents once no batch is under way.
   *
   * @param operation - names the swap: what was done is not done again.
   * @returns whether it was done, now or before.
   * @throws SternaError as {@link next}; `storage-full`, `storage`.
   */
  swapIfSame(operation: string): Promise<boolean> {
    return this.inTurn(async () => {
      if (this.root.hasSwapped(operation)) return true;
      return this.replace(await this.preparedNext(), operation, haveSameDocuments);
    });
  }

  /** The next collection, of the files that are there; nothing where there are none. Within a turn. */
  async openNext(): Promise<Collection | undefined> {
    const folder = this.nextFolder;
    const manifest = this.openedNext ? undefined : await readManifest(folder);
    if (manifest) {
      const { settings } = manifest;
      this.openedNext = await Collection.open({ ...this.options, folder, settings });
    }
    return this.openedNext;
  }

  /**
   * Puts a collection in the place of the current one, which is removed. Within a turn.
   *
   * @param mayBe - whether it is to be done, once no batch is under way.
   * @returns whether it was done.
   */
  async replace(
    next: Collection,
    operation: string,
    mayBe: (old: Collection, next: Collection) => boolean = () => true,
  ): Promise<boolean> {
    const old = this.current;
    const oldFolder = folderOf(this.options.folder, this.root.state.current);
    const swap = this.swapNow(next, operation, mayBe);
    this.swap = swap.catch(() => {});
    const isDone = await swap.finally(() => {
      this.swap = undefined;
    });
    if (!isDone) return false;
    await old.close();
    // The next one is in its place; what is left of the old one is removed when the index is opened again.
    await clear(oldFolder).catch(() => {});
    return true;
  }

  /** When it settles there is no next collection, nor a file of one. Within a turn. */
  async discardNext(): Promise<void> {
    const next = this.openedNext;
    this.openedNext = undefined;
    await next?.close();
    const { isPreparing, importing } = this.root.state;
    if (isPreparing || importing !== undefined)
      await this.root.change({ isPreparing: undefined, importing: undefined });
    await clear(this.nextFolder);
  }

  /** Closes files, after what is under way. An import that is not complete is given up. */
  async close(): Promise<void> {
    this.closed = true;
    await this.turns.done;
    if (this.root.state.importing !== undefined) await this.discardNext().catch(() => {});
    const closed = await Promise.allSettled([this.openedNext?.close(), this.current.close()]);
    for (const one of closed) if (one.status === 'rejected') throw one.reason;
  }

  private async preparedNext(): Promise<Collection> {
    const next = this.root.state.isPreparing ? await this.openNext() : undefined;
    if (next) return next;
    throw new SternaError(
      'invalid-input',
      'There is no collection that is to take the place of this one; call reindex() again.',
    );
  }

  private async swapNow(
    next: Collection,
    operation: string,
    mayBe: (old: Collection, next: Collection) => boolean,
  ): Promise<boolean> {
    await this.batches;
    if (!mayBe(this.current, next)) return false;
    await this.root.swap(operation);
    this.known = next;
    this.openedNext = undefined;
    return true;
  }
}

function folderOf(folder: IndexFolder, slot: 'a' | 'b'): IndexFolder {
  return new SlotFolder(folder, `${slot}-`);
}

function isLike(collection: Collection, settings: CollectionSettings, space: string): boolean {
  const isOfSpace = !collection.space || collection.space.id === space;
  return isOfSpace && JSON.stringify(collection.settings) === JSON.stringify(settings);
}

/** A document that was added while others were embedded anew would be lost with the old collection. */
function haveSameDocuments(one: Collection, other: Collection): boolean {
  if (one.size !== other.size) return false;
  for (const id of one.ids()) if (one.hash(id) !== other.hash(id)) return false;
  return true;
}

async function clear(folder: IndexFolder): Promise<void> {
  const names = await folder.names();
  if (names.length === 0) return;
  // Files that were removed may be there again after a power cut, and must not be taken for a collection.
  await forgetManifest(folder);
  for (const name of await folder.names()) await folder.remove(name);
}

function passOver(code: SternaErrorCode): (error: unknown) => undefined {
  return (error) => {
    if ((error as SternaError).code !== code) throw error;
  };
}
