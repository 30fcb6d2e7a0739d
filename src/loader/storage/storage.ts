import type { ModelFile } from '../files.ts';

/** A folder that keeps files between visits, or for as long as it lives where it is in memory. */
export interface Storage {
  /** Whether what is written is still there after the page is closed. */
  readonly lasting: boolean;
  /** In words, for messages. */
  readonly location: string;
  /** A file as it is now, or nothing where there is none. */
  open(name: string): Promise<ModelFile | undefined>;
  /**
   * Opens a file to write in it; one that is not there is made.
   *
   * @throws SternaError `storage-full`, `storage`.
   */
  writer(name: string): Promise<StorageWriter>;
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>;
  /** The names of its files. */
  names(): Promise<string[]>;
}

/** A file that is written to. */
export interface StorageWriter {
  /** Writes bytes from byte `at` on; what lies between the end and there is undefined. */
  write(at: number, bytes: Uint8Array): Promise<void>;
  /** Returns when all that was written would survive a power cut, as far as the platform promises it. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Replaces a small file as a whole. */
export async function writeWhole(storage: Storage, name: string, bytes: Uint8Array): Promise<void> {
  await storage.remove(name);
  const writer = await storage.writer(name);
  try {
    await writer.write(0, bytes);
    await writer.flush();
  } finally {
    await writer.close();
  }
}
