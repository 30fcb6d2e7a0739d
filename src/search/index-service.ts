import { SternaError, type SternaErrorCode } from '../errors.ts';
import { Collection, type StoredPassages } from '../index/collection/collection.ts';
import { Journal } from '../index/collection/journal.ts';
import {
  type CollectionSettings,
  FORMAT_VERSION,
  forgetManifest,
  isManifest,
  type Manifest,
  writeManifest,
} from '../index/collection/manifest.ts';
import {
  isGeneration,
  mendTwins,
  readTwins,
  type Stated,
  writeTwins,
} from '../index/collection/twin-files.ts';
import type { IndexFolder } from '../index/files/folder.ts';
import { SlotFolder } from '../index/files/slot-folder.ts';
import type { OpenGpu } from '../index/gpu/gpu-search.ts';
import type { Scanner } from '../index/scan/scanner.ts';
import type { Service } from '../tabs/service.ts';
import type { HeldFiles, IndexProducts, IndexReport, IndexWork, Slot } from './work.ts';

/** Which of the two sets of files is the current one. */
interface Root extends Stated {
  readonly current: 'a' | 'b';
  /** Whether the other one is being made to take its place; if not, what is there are remains. */
  readonly isPreparing?: boolean;
}

const ROOT = 'root';
const ROOT_VERSION = 1;
/** Files are held for an export for so long after it was last heard of, in milliseconds. */
const PATIENCE = 60_000;

/** How to open an index. */
export interface IndexServiceOptions {
  readonly folder: IndexFolder;
  readonly scanner: Scanner;
  /** For an index that is made now. */
  readonly settings: CollectionSettings;
  /** See `CollectionOptions`. */
  readonly openGpu?: OpenGpu;
  readonly gpuRows?: number;
}

/**
 * An index as a service: a {@link Collection}, and beside it at times another one that is to take its place, when all documents are
 * embedded anew or an export is brought in. Which of them counts is one small file, so that they change places at once.
 */
export class IndexService implements Service<IndexWork, IndexProducts[IndexWork['kind']], IndexReport> {
  private next: Collection | undefined;
  /** Settles when collections do not change places. */
  private swapping: Promise<unknown> = Promise.resolve();
  private held: { readonly release: () => void; timer: ReturnType<typeof setTimeout> } | undefined;

  private constructor(
    private readonly options: IndexServiceOptions,
    private root: Root,
    private current: Collection,
  ) {}

  /** @throws SternaError as {@link Collection.open}. */
  static async open(options: IndexServiceOptions): Promise<IndexService> {
    const { folder } = options;
    const root = await openRoot(folder);
    const slot = new SlotFolder(folder, `${root.current}-`);
    const current = await Collection.open({ ...options, folder: slot });
    const service = new IndexService(options, root, current);
    // They do no harm, and there may be no room to say so.
    if (!root.isPreparing) await clear(service.nextFolder).catch(() => {});
    return service;
  }

  get report(): IndexReport {
    const { current } = this;
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
    switch (work.kind) {
      case 'info':
        return this.report;
      case 'apply':
        // A batch that is acknowledged must not go with the collection that is removed.
        await this.swapping;
        await this.collection(work.slot).apply(work.batch, work.space);
        return this.report;
      case 'search':
        return this.current.search(work.query);
      case 'get':
        return work.ids.map((id) => this.current.get(id));
      case 'hashes':
        return work.ids.map((id) => this.collection(work.slot).hash(id));
      case 'ids':
        return [...this.collection(work.slot).ids()];
      case 'passages':
        return work.ids.map((id): StoredPassages | undefined => this.current.passages(id));
      case 'compact':
        await this.current.compact();
        return this.report;
      case 'prepare':
        return this.prepare(work.settings, work.space);
      case 'swap':
        await this.swap();
        return this.report;
      case 'swap-if-same':
        return this.swap(haveSameDocuments);
      case 'hold':
        return this.hold();
      case 'read':
        return this.read(work.file, work.start, work.end);
      case 'release':
        return this.release();
      case 'write':
        return this.write(work.file, work.at, work.bytes);
      case 'adopt':
        return this.adopt(work.manifest);
    }
  }

  /** Closes files; work under way is refused. */
  dispose(): void {
    this.release();
    void this.close();
  }

  /** Settles when the files are closed. */
  async close(): Promise<void> {
    await this.next?.close();
    await this.current.close();
  }

  private collection(slot: Slot = 'current'): Collection {
    if (slot === 'current') return this.current;
    if (this.next) return this.next;
    throw new SternaError(
      'invalid-input',
      'There is no collection that is to take the place of this one; call reindex() again.',
    );
  }

  private get nextFolder(): IndexFolder {
    return new SlotFolder(this.options.folder, this.root.current === 'a' ? 'b-' : 'a-');
  }

  private async prepare(settings: CollectionSettings, space: string): Promise<IndexReport> {
    const options = { ...this.options, folder: this.nextFolder, settings };
    if (this.root.isPreparing) {
      this.next ??= await Collection.open(options).catch(passOver('corrupt-file'));
      const isSame =
        this.next &&
        (!this.next.space || this.next.space.id === space) &&
        JSON.stringify(this.next.settings) === JSON.stringify(settings);
      if (isSame) return this.report;
    }
    await this.discardNext();
    await this.writeRoot({ isPreparing: true });
    this.next = await Collection.open(options);
    return this.report;
  }

  /**
   * @param mayBe - whether it is to be done, once nothing is going on.
   * @returns whether it was done.
   */
  private swap(mayBe: (old: Collection, next: Collection) => boolean = () => true): Promise<boolean> {
    const done = this.swapNow(mayBe);
    this.swapping = done.catch(() => {});
    return done;
  }

  private async swapNow(mayBe: (old: Collection, next: Collection) => boolean): Promise<boolean> {
    const next = this.collection('next');
    const old = this.current;
    await old.idle();
    if (!mayBe(old, next)) return false;
    const oldFolder = new SlotFolder(this.options.folder, `${this.root.current}-`);
    await this.writeRoot({ current: this.root.current === 'a' ? 'b' : 'a', isPreparing: undefined });
    this.current = next;
    this.next = undefined;
    this.release();
    await old.close();
    // The next one is in its place; what is left of the old one is removed when the index is opened again.
    await clear(oldFolder).catch(() => {});
    return true;
  }

  /** When it settles there is no next collection. */
  private async discardNext(): Promise<void> {
    const { next } = this;
    this.next = undefined;
    await next?.close();
    if (this.root.isPreparing) await this.writeRoot({ isPreparing: undefined });
    await clear(this.nextFolder);
  }

  private async writeRoot(changes: Partial<Root>): Promise<void> {
    const root = { ...this.root, ...changes, generation: this.root.generation + 1 };
    await writeTwins(this.options.folder, ROOT, root);
    this.root = root;
  }

  private async hold(): Promise<HeldFiles> {
    this.release();
    const { manifest, release } = await this.current.holdFiles();
    this.held = { release, timer: setTimeout(() => this.release(), PATIENCE) };
    const sizes = new Map(manifest.segments.map(({ file, bytes }) => [file, bytes]));
    for (const { deleted } of manifest.segments)
      if (deleted) sizes.set(deleted, await this.current.sizeOf(deleted));
    return {
      manifest: JSON.stringify(manifest),
      files: [...sizes].map(([name, bytes]) => ({ name, bytes })),
    };
  }

  private async read(file: string, start: number, end: number): Promise<Uint8Array> {
    if (!this.held)
      throw new SternaError(
        'storage',
        'The export took too long, and files have changed meanwhile; begin it again.',
      );
    clearTimeout(this.held.timer);
    this.held.timer = setTimeout(() => this.release(), PATIENCE);
    return this.current.readFile(file, start, end);
  }

  private release(): undefined {
    if (!this.held) return;
    clearTimeout(this.held.timer);
    this.held.release();
    this.held = undefined;
  }

  private async write(name: string, at: number, bytes: Uint8Array): Promise<undefined> {
    if (!/^(segment|deleted)-[0-9]+$/.test(name))
      throw new SternaError('corrupt-file', `"${name}" is no name of a file of an index.`);
    if (this.next || this.root.isPreparing) await this.discardNext();
    if (at === 0) await this.nextFolder.remove(name);
    const file = (await this.nextFolder.open(name, { create: true }))!;
    try {
      file.write(at, bytes);
      await file.flush();
    } finally {
      file.close();
    }
  }

  private async adopt(json: string): Promise<IndexReport> {
    const manifest = parseManifest(json);
    if (this.next || this.root.isPreparing) await this.discardNext();
    const folder = this.nextFolder;
    try {
      // The one that is written now counts, whatever is there.
      await forgetManifest(folder);
      (await Journal.create(folder, manifest.journal)).close();
      await writeManifest(folder, manifest);
      this.next = await Collection.open({ ...this.options, folder, settings: manifest.settings });
    } catch (error) {
      await clear(folder).catch(() => {});
      throw error;
    }
    await this.swap();
    return this.report;
  }
}

/** Which collection counts; of an index that is made now, the first one. */
async function openRoot(folder: IndexFolder): Promise<Root> {
  const isRoot = ({ current }: Partial<Root>) => current === 'a' || current === 'b';
  const read = await readTwins<Root>(folder, ROOT, ROOT_VERSION, isRoot);
  if (read && read !== 'damaged') {
    await mendTwins(folder, ROOT, read);
    return read;
  }
  // A root is there before anything else is: one that is not whole and alone was being written for the first time.
  const isNew = (await folder.names()).every((name) => !/^[ab]-/.test(name));
  if (!isNew) {
    throw new SternaError(
      'corrupt-file',
      `The roots of ${folder.location} are ${read ?? 'missing'}. Restore the index from an export, or index anew.`,
    );
  }
  const root: Root = { version: ROOT_VERSION, generation: 0, current: 'a' };
  await writeTwins(folder, ROOT, root);
  return root;
}

/** @throws SternaError `corrupt-file`. */
function parseManifest(json: string): Manifest {
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(json);
  } catch (cause) {
    throw notAdoptable('it is no JSON', cause);
  }
  const { version, generation } = manifest ?? {};
  if (Number.isInteger(version) && version! > FORMAT_VERSION) {
    throw notAdoptable(
      `it is of version ${version} of the format and this library reads ${FORMAT_VERSION}; update the library`,
    );
  }
  const isFine = Number.isInteger(version) && isGeneration(generation) && isManifest(manifest!);
  if (!isFine) throw notAdoptable('it is not as it should be');
  return manifest as Manifest;
}

function notAdoptable(words: string, cause?: unknown): SternaError {
  return new SternaError('corrupt-file', `The manifest of the index cannot be used: ${words}.`, { cause });
}

function passOver(code: SternaErrorCode): (error: unknown) => undefined {
  return (error) => {
    if ((error as SternaError).code !== code) throw error;
  };
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
