import { SternaError } from '../errors.ts';
import { Collection, type StoredPassages } from '../index/collection/collection.ts';
import type { CollectionSettings, Manifest } from '../index/collection/manifest.ts';
import { readTwins, type Stated, writeTwins } from '../index/collection/twin-files.ts';
import type { IndexFolder } from '../index/files/folder.ts';
import { SlotFolder } from '../index/files/slot-folder.ts';
import type { OpenGpu } from '../index/gpu/gpu-search.ts';
import type { Scanner } from '../index/scan/scanner.ts';
import type { Service } from '../tabs/service.ts';
import type { HeldFiles, IndexProducts, IndexReport, IndexWork, Slot } from './work.ts';

/** Which of the two sets of files is the current one. */
interface Root extends Stated {
  readonly current: 'a' | 'b';
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
  private held: { readonly release: () => void; timer: ReturnType<typeof setTimeout> } | undefined;

  private constructor(
    private readonly options: IndexServiceOptions,
    private root: Root,
    private current: Collection,
  ) {}

  /** @throws SternaError as {@link Collection.open}. */
  static async open(options: IndexServiceOptions): Promise<IndexService> {
    const { folder } = options;
    const read = await readTwins<Root>(
      folder,
      ROOT,
      ROOT_VERSION,
      ({ current }) => current === 'a' || current === 'b',
    );
    if (read === 'damaged') {
      throw new SternaError(
        'corrupt-file',
        `The roots of ${folder.location} are damaged. Restore the index from an export, or index anew.`,
      );
    }
    const root = read ?? { version: ROOT_VERSION, generation: 0, current: 'a' };
    const slot = new SlotFolder(folder, `${root.current}-`);
    const current = await Collection.open({ ...options, folder: slot });
    return new IndexService(options, root, current);
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
      range: current.range,
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
        return this.swap();
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
    this.next ??= await Collection.open({ ...this.options, folder: this.nextFolder, settings });
    const isOther =
      (this.next.space && this.next.space.id !== space) ||
      JSON.stringify(this.next.settings) !== JSON.stringify(settings);
    if (isOther) {
      await this.next.close();
      this.next = undefined;
      await clear(this.nextFolder);
      this.next = await Collection.open({ ...this.options, folder: this.nextFolder, settings });
    }
    return this.report;
  }

  private async swap(): Promise<IndexReport> {
    const next = this.collection('next');
    const old = this.current;
    const oldFolder = new SlotFolder(this.options.folder, `${this.root.current}-`);
    const { current, generation } = this.root;
    const root: Root = {
      version: ROOT_VERSION,
      generation: generation + 1,
      current: current === 'a' ? 'b' : 'a',
    };
    await writeTwins(this.options.folder, ROOT, root);
    this.root = root;
    this.current = next;
    this.next = undefined;
    this.release();
    await old.close();
    await clear(oldFolder);
    return this.report;
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
    const manifest = JSON.parse(json) as Manifest;
    await this.next?.close();
    this.next = undefined;
    for (const name of await this.nextFolder.names())
      if (/^(manifest|journal)/.test(name)) await this.nextFolder.remove(name);
    await writeTwins(this.nextFolder, 'manifest', manifest);
    try {
      this.next = await Collection.open({
        ...this.options,
        folder: this.nextFolder,
        settings: manifest.settings,
      });
    } catch (error) {
      await clear(this.nextFolder);
      throw error;
    }
    return this.swap();
  }
}

async function clear(folder: IndexFolder): Promise<void> {
  for (const name of await folder.names()) await folder.remove(name);
}
