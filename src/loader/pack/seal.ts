import { SternaError } from '../../errors.ts';
import type { Storage } from '../storage/storage.ts';
import { writeWhole } from '../storage/storage.ts';
import {
  type GoldenText,
  HASH_BYTES,
  MANIFEST,
  type Manifest,
  type ManifestFile,
  manifestBytes,
} from './manifest.ts';

/** Bytes of a chunk that is fetched and checked by itself: of the word table few, as few of its rows are needed, and rows are whole. */
const LAYER_CHUNK = 2 ** 20;
const WORD_CHUNK = 2 ** 16;

/**
 * Makes a pack fit to travel: every chunk gets its SHA-256, and the manifest says so.
 *
 * @param storage - has the files that the manifest names.
 * @param golden - texts whose vectors were computed in full precision.
 */
export async function sealPack(
  storage: Storage,
  manifest: Manifest,
  golden: readonly GoldenText[],
): Promise<Manifest> {
  const words = new Map(manifest.words.map(({ file, rows }) => [file, rows]));
  const files = new Map<string, ManifestFile>();
  for (const [name, { size, start }] of manifest.files) {
    const rows = words.get(name);
    const rowBytes = rows === undefined ? 1 : (size - start) / rows;
    const chunk =
      rows === undefined
        ? name === manifest.tokenizer
          ? Math.max(1, size)
          : LAYER_CHUNK
        : Math.max(1, Math.floor(WORD_CHUNK / rowBytes)) * rowBytes;
    files.set(name, { size, start, chunk, hashes: await hashesOf(storage, name, { size, start, chunk }) });
  }
  const sealed = { ...manifest, files, golden };
  await writeWhole(storage, MANIFEST, manifestBytes(sealed));
  return sealed;
}

async function hashesOf(
  storage: Storage,
  name: string,
  { size, start, chunk }: ManifestFile,
): Promise<Uint8Array> {
  const file = await storage.open(name);
  if (!file) throw new SternaError('corrupt-file', `There is no ${name} in ${storage.location}.`);
  const hashes = new Uint8Array(HASH_BYTES * Math.ceil((size - start) / chunk));
  for (let at = start, i = 0; at < size; at += chunk, i++) {
    const bytes = (await file.read(at, Math.min(at + chunk, size))).slice();
    hashes.set(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), i * HASH_BYTES);
  }
  return hashes;
}
