import { type EncoderConfig, parseConfig } from '../encoder/config.ts';
import { partsOf, partsOfLayers, precisionOf } from '../encoder/parts.ts';
import { SternaError } from '../errors.ts';
import type { ModelEstimate, Precision } from '../types.ts';
import { LIBRARY } from './browser-library.ts';
import { parseJson } from './files.ts';
import { addressIn, type HubOptions, type RemoteFolder, remoteFolder } from './hub.ts';
import { type KeptPack, keptPack } from './kept-pack.ts';
import { keyOf } from './library.ts';
import { packLayout } from './pack/layout.ts';
import { MANIFEST, type Manifest, parseManifest } from './pack/manifest.ts';
import { fetchWhole } from './remote/fetch-whole.ts';
import { KeptFile } from './remote/kept-file.ts';
import { RemoteFile } from './remote/remote-file.ts';
import { OpfsStorage } from './storage/opfs.ts';
import type { Storage } from './storage/storage.ts';
import { weightPaths } from './weight-file.ts';

// What a page can find out about models in the library, and do with them, without loading any.

/** What becomes of tokenizer.json when it is kept: about this share of its bytes. */
const TOKENIZER_SHARE = 0.1;

/**
 * What it takes to load a model.
 *
 * @throws SternaError `invalid-input`, `model-not-found`, `network`, and as its files say.
 */
export async function estimateModel(
  source: string | URL,
  precision: Precision,
  options: HubOptions,
): Promise<ModelEstimate> {
  const folder = remoteFolder(source, options);
  const { quota = 0, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  const free = Math.max(0, quota - usage);
  const kept = await keptOf(folder, precision);
  const manifest = kept?.manifest ?? (await remoteManifest(folder));
  const sizes = manifest
    ? await sizesOfPack(manifest, kept?.isPack ? kept.storage : undefined, kept?.isPack === false)
    : await sizesOfCheckpoint(folder, precision);
  const { config, disk, download, first } = sizes;
  const backend = backendBytes(config, manifest?.precision ?? precision);
  return {
    precision: manifest?.precision ?? precision,
    download,
    first,
    disk,
    backend,
    free,
    fits: download === 0 || disk <= free,
  };
}

/** Whether all of a model is kept, so that it works without a connection. */
export async function isModelKept(
  source: string | URL,
  precision: Precision,
  options: HubOptions,
): Promise<boolean> {
  const kept = await keptOf(remoteFolder(source, options), precision);
  if (!kept) return false;
  if (!kept.isPack) return true;
  const { download } = await sizesOfPack(kept.manifest, kept.storage, false);
  return download === 0;
}

/** Removes a model, or all of them. */
export async function forgetModels(source: string | URL | undefined, options: HubOptions): Promise<void> {
  try {
    const root = await navigator.storage.getDirectory();
    if (source === undefined) return await root.removeEntry(LIBRARY, { recursive: true });
    const library = await root.getDirectoryHandle(LIBRARY);
    await library.removeEntry(keyOf(remoteFolder(source, options)), { recursive: true });
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return;
    throw new SternaError(
      'storage',
      `The kept model cannot be removed: ${(error as Error).message}. Close other tabs that use it.`,
      { cause: error },
    );
  }
}

interface Sizes {
  readonly config: EncoderConfig;
  readonly download: number;
  readonly first: number;
  readonly disk: number;
}

/** What is kept of a model, where anything is. */
function keptOf(folder: RemoteFolder, precision: Precision): Promise<KeptPack | undefined> {
  return keptPack(precision, (name) => OpfsStorage.at([LIBRARY, keyOf(folder), name], { create: false }));
}

async function remoteManifest(folder: RemoteFolder): Promise<Manifest | undefined> {
  const bytes = await fetchWhole(MANIFEST, addressIn(folder, MANIFEST));
  return bytes && parseManifest(bytes);
}

async function sizesOfPack(
  manifest: Manifest,
  storage: Storage | undefined,
  isConverted: boolean,
): Promise<Sizes> {
  const missing = async (name: string): Promise<number> => {
    const file = manifest.files.get(name)!;
    if (isConverted) return 0;
    if (!storage) return file.size - file.start;
    const kept = new KeptFile(name, file, storage, () =>
      Promise.reject(new Error('nothing is fetched here')),
    );
    return kept.missingBytes();
  };
  const sum = async (names: readonly string[]) =>
    (await Promise.all(names.map(missing))).reduce((total, bytes) => total + bytes, 0);
  const first = await sum([...manifest.layers, ...(manifest.tokenizer ? [manifest.tokenizer] : [])]);
  const words = await sum(manifest.words.map(({ file }) => file));
  const disk = [...manifest.files.values()].reduce((total, { size }) => total + size, 0);
  return { config: parseConfig(manifest.config, MANIFEST), download: first + words, first, disk };
}

async function sizesOfCheckpoint(folder: RemoteFolder, precision: Precision): Promise<Sizes> {
  const sizeOf = async (path: string) => (await RemoteFile.open(path, addressIn(folder, path)))?.size;
  const json = await fetchWhole('config.json', addressIn(folder, 'config.json'));
  if (!json) {
    throw new SternaError(
      'model-not-found',
      `There is no config.json in ${folder.address.href}; needed: a folder of a model, or a pack.`,
    );
  }
  const config = parseConfig(parseJson(json, 'config.json'), 'config.json');
  const tokenizer = (await sizeOf('tokenizer.json')) ?? 0;
  let weights: number | undefined;
  for (const path of weightPaths(precision)) weights ??= await sizeOf(path);
  const { layers, words } = packLayout(config, precision);
  const disk = [...layers, ...words].reduce(
    (sum, { size }) => sum + size,
    Math.ceil(TOKENIZER_SHARE * tokenizer),
  );
  const download = (weights ?? 0) + tokenizer;
  return { config, download, first: download, disk };
}

/** Bytes of a weight on a device, by its number type: whole numbers have a scale of four bytes for each block, and on wasm a sum. */
const BYTES_PER_WEIGHT: Readonly<Record<Precision, number>> = {
  f32: 4,
  f16: 2,
  q8: 1 + 8 / 64,
  q4: 0.5 + 4 / 32,
};

function backendBytes(config: EncoderConfig, precision: Precision): number {
  return partsOfLayers(partsOf(config).layers).reduce(
    (sum, { role, rows, columns }) => sum + rows * columns * BYTES_PER_WEIGHT[precisionOf(role, precision)],
    0,
  );
}
