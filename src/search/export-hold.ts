import { SternaError } from '../errors.ts';
import type { Collection } from '../index/collection/collection.ts';
import type { HeldFiles } from './work.ts';

/** Files are held for an export for so long after it was last heard of, in milliseconds. */
const PATIENCE = 60_000;

/** Keeps the files of a collection as they are while they are read for an export. There is one export at a time; a later one ends the one before. */
export class ExportHold {
  private held:
    | { readonly collection: Collection; readonly release: () => void; timer: ReturnType<typeof setTimeout> }
    | undefined;

  /** @returns what there is to read. */
  async begin(collection: Collection): Promise<HeldFiles> {
    this.end();
    const { manifest, release } = await collection.holdFiles();
    this.end();
    this.held = { collection, release, timer: this.patience() };
    const sizes = new Map(manifest.segments.map(({ file, bytes }) => [file, bytes]));
    for (const { deleted } of manifest.segments)
      if (deleted) sizes.set(deleted, await collection.sizeOf(deleted));
    return {
      manifest: JSON.stringify(manifest),
      files: [...sizes].map(([name, bytes]) => ({ name, bytes })),
    };
  }

  /**
   * Reads bytes of a file.
   *
   * @param current - the collection that counts now: files of one before it are gone.
   * @throws SternaError `storage` where the files are held no more.
   */
  async read(current: Collection, file: string, start: number, end: number): Promise<Uint8Array> {
    if (this.held?.collection !== current)
      throw new SternaError(
        'storage',
        'The export took too long, and files have changed meanwhile; begin it again.',
      );
    clearTimeout(this.held.timer);
    this.held.timer = this.patience();
    return current.readFile(file, start, end);
  }

  /** Lets files change again. */
  end(): void {
    if (!this.held) return;
    clearTimeout(this.held.timer);
    this.held.release();
    this.held = undefined;
  }

  private patience(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.end(), PATIENCE);
  }
}
