import type { IndexFile, IndexFolder } from './folder.ts';

/** The files of a folder whose names begin alike, as a folder of their own. */
export class SlotFolder implements IndexFolder {
  constructor(
    private readonly folder: IndexFolder,
    /** What the names begin with. */
    private readonly prefix: string,
  ) {}

  get lasting(): boolean {
    return this.folder.lasting;
  }

  get location(): string {
    return this.folder.location;
  }

  open(name: string, options?: { readonly create?: boolean }): Promise<IndexFile | undefined> {
    return this.folder.open(this.prefix + name, options);
  }

  remove(name: string): Promise<void> {
    return this.folder.remove(this.prefix + name);
  }

  async names(): Promise<string[]> {
    const names = await this.folder.names();
    return names.filter((name) => name.startsWith(this.prefix)).map((name) => name.slice(this.prefix.length));
  }
}
