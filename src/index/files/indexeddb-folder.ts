import { endsEarly, storageFailed } from './errors.ts';
import type { IndexFile, IndexFolder } from './folder.ts';

/** Bytes of a page: what a small append writes again. */
const PAGE = 2 ** 16;

const SIZES = 'sizes';
const PAGES = 'pages';

/**
 * A folder in IndexedDB, for browsers whose workers have no synchronous access to files. An open file is in memory as a whole, and
 * a flush writes its changed pages and its size in one transaction: so a file is as it was at one flush or at the next, never between.
 */
export class IndexedDbFolder implements IndexFolder {
  readonly lasting = true;

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
      };
      return new IndexedDbFolder(await settled(request), name);
    } catch {
      return undefined;
    }
  }

  async open(name: string, { create = false } = {}): Promise<IndexFile | undefined> {
    const path = `${this.location}/${name}`;
    try {
      const stores = this.database.transaction([SIZES, PAGES]);
      const pages = settled<Uint8Array[]>(stores.objectStore(PAGES).getAll(pagesOf(name)));
      const size = await settled<number | undefined>(stores.objectStore(SIZES).get(name));
      if (size === undefined && !create) return undefined;
      return new PagedFile(this.database, name, path, size ?? 0, await pages);
    } catch (error) {
      throw storageFailed(path, error);
    }
  }

  async remove(name: string): Promise<void> {
    const transaction = this.database.transaction([SIZES, PAGES], 'readwrite');
    transaction.objectStore(SIZES).delete(name);
    transaction.objectStore(PAGES).delete(pagesOf(name));
    await completed(transaction).catch((error) => {
      throw storageFailed(`${this.location}/${name}`, error);
    });
  }

  async names(): Promise<string[]> {
    const keys = await settled(this.database.transaction(SIZES).objectStore(SIZES).getAllKeys());
    return keys as string[];
  }
}

class PagedFile implements IndexFile {
  private bytes: Uint8Array;
  private readonly changed = new Set<number>();
  private isCut = false;

  constructor(
    private readonly database: IDBDatabase,
    private readonly name: string,
    private readonly path: string,
    public size: number,
    pages: readonly Uint8Array[],
  ) {
    this.bytes = new Uint8Array(Math.max(size, pages.length * PAGE));
    for (const [i, page] of pages.entries()) this.bytes.set(page, i * PAGE);
  }

  read(start: number, into: Uint8Array): void {
    const end = start + into.length;
    if (end > this.size) throw endsEarly(this.path, this.size, end);
    into.set(this.bytes.subarray(start, end));
  }

  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, Math.min(2 * this.bytes.length, end + 2 ** 24)));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(bytes, at);
    this.size = Math.max(this.size, end);
    for (let page = Math.floor(at / PAGE); page * PAGE < end; page++) this.changed.add(page);
  }

  truncate(size: number): void {
    this.bytes.fill(0, Math.min(size, this.size), this.size);
    this.size = size;
    this.isCut = true;
  }

  async flush(): Promise<void> {
    const transaction = this.database.transaction([SIZES, PAGES], 'readwrite', { durability: 'strict' });
    transaction.objectStore(SIZES).put(this.size, this.name);
    const pages = transaction.objectStore(PAGES);
    const count = Math.ceil(this.size / PAGE);
    if (this.isCut) pages.delete(IDBKeyRange.bound([this.name, count], [this.name, Number.MAX_SAFE_INTEGER]));
    const written = [...this.changed];
    const wasCut = this.isCut;
    for (const page of written) {
      const start = page * PAGE;
      if (page < count)
        pages.put(this.bytes.slice(start, Math.min(start + PAGE, this.size)), [this.name, page]);
    }
    this.changed.clear();
    this.isCut = false;
    await completed(transaction).catch((error) => {
      // Nothing of it is there, so the next flush has it to do.
      for (const page of written) this.changed.add(page);
      this.isCut ||= wasCut;
      throw storageFailed(this.path, error);
    });
  }

  close(): void {}
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
    transaction.onabort = () => reject(transaction.error);
  });
}
