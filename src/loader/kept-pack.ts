import type { Precision } from '../types.ts';
import { readAll } from './files.ts';
import { LONGEST_MANIFEST, MANIFEST, type Manifest, parseManifest } from './pack/manifest.ts';
import type { Storage } from './storage/storage.ts';

/** Name of the folder with a pack that comes from a server as it is; packs that were made here are in one named after their precision. */
export const PACK = 'pack';

/** A model in the library. */
export interface KeptPack {
  readonly storage: Storage;
  readonly manifest: Manifest;
  /** Those of the manifest. */
  readonly bytes: Uint8Array;
  /** Whether it is a pack from the server, of which parts may still be to come. */
  readonly isPack: boolean;
}

/**
 * What is there of an earlier visit, as a whole or in parts.
 *
 * @param open - the storage of a folder of the model, where there is one.
 */
export async function keptPack(
  precision: Precision,
  open: (name: string) => Promise<Storage | undefined>,
): Promise<KeptPack | undefined> {
  for (const name of [PACK, precision]) {
    const storage = await open(name);
    const file = await storage?.open(MANIFEST);
    if (!storage || !file || file.size > LONGEST_MANIFEST) continue;
    try {
      const bytes = await readAll(file);
      return { storage, manifest: parseManifest(bytes), bytes, isPack: name === PACK };
    } catch {
      // Of an older version, or damaged: it is made anew.
    }
  }
  return undefined;
}
