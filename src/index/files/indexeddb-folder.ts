import { endsEarly, storageFailed } from './errors.ts';
import type { IndexFile, IndexFolder } from './folder.ts';
import { withRoom } from './with-room.ts';

/** Bytes of a page: what a small append writes again. */
const PAGE = 2 ** 16;

const SIZES = 'sizes';
const PAGES = 'pages';
/** Holds who has opened the folder last. */
const OWNER = 'owner';
const KEY = 0;

/**
 * A folder in IndexedDB, for browsers whose workers have no synchronous access to files. An open file is in memory as a whole, and
 * a flush writes its changed pages and its size in one transaction: so a file is as it was at one flush or at the next, never between.
 *
 * Nothing of the browser keeps two workers from one folder. So the one that opens it leaves its mark, and what a former one still writes is undone.
 */
export class IndexedDbFolder implements IndexFolder {
  readonly lasting = true;
  private readonly self = crypto.randomUUID();
  /** Whose mark has to be there for a change to be done. */
  private owner: string | undefined;

  private constructor(
    private readonly database: IDBDatabase,
    readonly location: string,
  ) {}

  /** @returns nothing where the browser gives no database away. */
  static async at(path: readonly string[]): Promise<IndexedDbFolder | undefined> {
    if (typeof indexedDB === 'undefined') return undefined;
    const name = path.join('/');
    try {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(SIZES);
        request.result.createObjectStore(PAGES);
        request.result.createObjectStore(OWNER);
      };
      const folder = new IndexedDbFolder(await settled(request), name);
      await folder.own();
      return folder;
    } catch {
      return undefined;
    }
  }

  async open(name: string, { create = false } = {}): Promise<IndexFile | undefined> {
    const path = `${this.location}/${name}`;
    const load = () => this.load(name, path);
    const kept = await load();
    if (kept.size === undefined && !create) return undefined;
    return new PagedFile(name, path, kept, load, (change) => this.change(path, change));
  }

  async remove(name: string): Promise<void> {
    await this.change(`${this.location}/${name}`, (sizes, pages) => {
      sizes.delete(name);
      pages.delete(pagesOf(name));
    });
  }

  async names(): Promise<string[]> {
    const keys = await settled(this.database.transaction(SIZES).objectStore(SIZES).getAllKeys());
    return keys as string[];
  }

  /** Ends the connection. What is done with the files from here on is refused. */
  close(): void {
    this.database.close();
  }

  private async load(name: string, path: string): Promise<Kept> {
    try {
      const stores = this.database.transaction([SIZES, PAGES]);
      const pages = settled<Uint8Array[]>(stores.objectStore(PAGES).getAll(pagesOf(name)));
      const size = await settled<number | undefined>(stores.objectStore(SIZES).get(name));
      return { size, pages: await pages };
    } catch (error) {
      throw storageFailed(path, error);
    }
  }

  /** Leaves the mark. Where there is no room even for that, the first change leaves it that is done. */
  private async own(): Promise<void> {
    this.owner = await settled(this.database.transaction(OWNER).objectStore(OWNER).get(KEY));
    await this.change(this.location, () => {}).catch(() => {});
  }

  /**
   * Changes the stores in one transaction, which is undone where another worker has left its mark since.
   *
   * @throws SternaError `storage-full`, `storage`.
   */
  private async change(path: string, change: Change): Promise<void> {
    try {
      const stores = this.database.transaction([SIZES, PAGES, OWNER], 'readwrite', { durability: 'strict' });
      const owners = stores.objectStore(OWNER);
      const found = owners.get(KEY);
      found.onsuccess = () => {
        if (found.result !== this.owner) stores.abort();
      };
      if (this.owner !== this.self) owners.put(this.self, KEY);
      change(stores.objectStore(SIZES), stores.objectStore(PAGES));
      await completed(stores);
      this.owner = this.self;
    } catch (error) {
      throw storageFailed(path, error);
    }
  }
}

/** What there is of a file. */
interface Kept {
  /** Absent where there is no such file. */
  readonly size: number | undefined;
  readonly pages: readonly Uint8Array[];
}

type Change = (sizes: IDBObjectStore, pages: IDBObjectStore) => void;

class PagedFile implements IndexFile {
  size = 0;
  private bytes = new Uint8Array(0);
  /** As it is in the database. */
  private keptSize: number | undefined;
  private readonly changed = new Set<number>();
  private isCut = false;

  constructor(
    private readonly name: string,
    private readonly path: string,
    kept: Kept,
    private readonly load: () => Promise<Kept>,
    private readonly change: (change: Change) => Promise<void>,
  ) {
    this.take(kept);
  }

  read(start: number, into: Uint8Array): void {
    const end = start + into.length;
    if (end > this.size) throw endsEarly(this.path, this.size, end);
    into.set(this.bytes.subarray(start, end));
  }

  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    this.bytes = withRoom(this.bytes, this.size, end);
    this.bytes.set(bytes, at);
    this.size = Math.max(this.size, end);
    for (let page = Math.floor(at / PAGE); page * PAGE < end; page++) this.changed.add(page);
  }

  truncate(size: number): void {
    if (size === this.size) return;
    this.bytes.fill(0, Math.min(size, this.size), this.size);
    this.size = size;
    this.isCut = true;
  }

  /** When it rejects the file is as it was at the flush before, here as well as in the database. */
  async flush(): Promise<void> {
    if (this.size === this.keptSize && this.changed.size === 0 && !this.isCut) return;
    const { size, isCut, bytes } = this;
    try {
      await this.change((sizes, pages) => {
        sizes.put(size, this.name);
        const count = Math.ceil(size / PAGE);
        if (isCut) pages.delete(IDBKeyRange.bound([this.name, count], [this.name, Number.MAX_SAFE_INTEGER]));
        for (const page of this.changed) {
          const start = page * PAGE;
          if (page < count) pages.put(bytes.slice(start, Math.min(start + PAGE, size)), [this.name, page]);
        }
        this.changed.clear();
        this.isCut = false;
      });
      this.keptSize = size;
    } catch (error) {
      this.take(await this.load());
      throw error;
    }
  }

  close(): void {}

  private take({ size, pages }: Kept): void {
    this.keptSize = size;
    this.size = size ?? 0;
    this.bytes = new Uint8Array(Math.max(this.size, pages.length * PAGE));
    for (const [i, page] of pages.entries()) this.bytes.set(page, i * PAGE);
    this.changed.clear();
    this.isCut = false;
  }
}

function pagesOf(name: string): IDBKeyRange {
  return IDBKeyRange.bound([name, 0], [name, Number.MAX_SAFE_INTEGER]);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(
        transaction.error ?? new DOMException('another tab has the index now', 'NoModificationAllowedError'),
      );
  });
}
