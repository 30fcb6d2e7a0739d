import { type EncoderConfig, parseConfig } from '../encoder/config.ts';
import { SternaError, type SternaErrorCode } from '../errors.ts';
import { release } from '../release.ts';
import { tokenizerFromBytes, tokenizerToBytes } from '../text/artifact.ts';
import type { LoadProgress, Precision } from '../types.ts';
import { parseJson, readAll } from './files.ts';
import { fingerprintOf } from './fingerprint.ts';
import { addressIn, type RemoteFolder } from './hub.ts';
import { type KeptPack, keptPack, PACK } from './kept-pack.ts';
import { type ModelFolder, promptsOf } from './model-folder.ts';
import { convertWeights } from './pack/convert.ts';
import { Journal } from './pack/journal.ts';
import type { PackLayout } from './pack/layout.ts';
import { MANIFEST, type Manifest, manifestBytes, parseManifest } from './pack/manifest.ts';
import { openPack } from './pack/pack-folder.ts';
import { fetchWhole } from './remote/fetch-whole.ts';
import { KeptFile } from './remote/kept-file.ts';
import { RemoteFile } from './remote/remote-file.ts';
import { DEFAULT_RETRY } from './remote/retry.ts';
import type { RemoteOptions } from './remote/transfer.ts';
import { Sha256 } from './sha256.ts';
import { type Storage, writeWhole } from './storage/storage.ts';
import { identityOf, weightFile } from './weight-file.ts';

/** How to bring a model here, and where to keep it. */
export interface LibraryOptions extends RemoteOptions {
  /** The number type to convert weights to, where they are not in a pack. */
  readonly precision: Precision;
  /** The storage of a folder in the library. */
  readonly storage: (path: readonly string[]) => Promise<Storage>;
  /** Runs something while nobody else runs anything of the same name. */
  readonly lock: <T>(name: string, run: () => Promise<T>) => Promise<T>;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Told of the shape, and of the number type that the weights will be in, as soon as they are known. */
  readonly onConfig?: (config: EncoderConfig, precision: Precision) => void;
}

/** Bytes that are brought at a time once a model runs. */
const COMPLETED_AT_A_TIME = 4 * 2 ** 20;

/** The tokenizer of a pack. */
export const TOKENIZER = 'tokenizer.bin';

/**
 * Opens a model behind an address, and keeps it for the next visit: a pack as it is, chunk by chunk as it is needed, and anything else
 * converted to a pack while it is downloaded. What is kept of a commit is not asked for again; of any other address, only whether
 * it is still the same, and it does without an answer where there is no connection.
 *
 * @throws SternaError `model-not-found`, `network`, `corrupt-file`, `source-changed`, `storage-full`, `storage`, and as the files say.
 */
export async function openFromLibrary(folder: RemoteFolder, options: LibraryOptions): Promise<ModelFolder> {
  const key = keyOf(folder);
  // A signal is about the load: rows that are asked for later come even if it is aborted by then.
  const { signal: outer } = options;
  const loading = new AbortController();
  const stop = () => loading.abort(outer?.reason);
  outer?.throwIfAborted();
  outer?.addEventListener('abort', stop);
  const open = () => new Loan(folder, key, { ...options, signal: loading.signal }).open();
  try {
    return await options.lock(`sterna ${key}`, () => openTwice(open));
  } finally {
    outer?.removeEventListener('abort', stop);
  }
}

/** The second time all comes anew; what is wrong then will not get better. */
async function openTwice(open: () => Promise<ModelFolder>): Promise<ModelFolder> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof SpoiltDownload)) throw error;
  }
  return open().catch((error) => {
    throw error instanceof SpoiltDownload ? error.cause : error;
  });
}

/** What was downloaded is of no use, and has been thrown away. */
class SpoiltDownload extends Error {}

const SPOILS: ReadonlySet<SternaErrorCode> = new Set(['source-changed', 'corrupt-file']);

/** The name of a model's folder in the library: its own, and a hash of where it is from. */
export function keyOf({ name, address, commit }: RemoteFolder): string {
  const hash = new Sha256().update(new TextEncoder().encode(`${address.origin}${address.pathname}`)).digest();
  const safe = name.replace(/[^\w.-]/g, '_').slice(0, 80);
  return `${safe}-${(commit ?? 'main').slice(0, 8)}-${hash.slice(0, 12)}`;
}

/** One model on its way from a server to the library, or from there. */
class Loan {
  private readonly notes: string[] = [];

  constructor(
    private readonly folder: RemoteFolder,
    private readonly key: string,
    private readonly options: LibraryOptions,
  ) {}

  async open(): Promise<ModelFolder> {
    const { precision } = this.options;
    const kept = await keptPack(precision, (name) => this.options.storage([this.key, name]));
    if (kept && (await this.isCurrent(kept))) return this.openKept(kept);
    const manifest = await this.fetch(MANIFEST);
    if (manifest) return this.openKept(await this.takePack(manifest));
    return this.openKept(await this.convert());
  }

  /** Whether what is kept is still what the server has. Without a connection it is taken for that. */
  private async isCurrent({ manifest, bytes, isPack }: KeptPack): Promise<boolean> {
    if (this.folder.commit) return true;
    // Somebody who has all of it shall not wait for a server that does not answer.
    const once = { ...this.options, retry: { ...(this.options.retry ?? DEFAULT_RETRY), attempts: 1 } };
    try {
      if (isPack) {
        const now = await fetchWhole(MANIFEST, addressIn(this.folder, MANIFEST), once);
        return now !== undefined && same(now, bytes);
      }
      const path = String(manifest.source?.file);
      const now = await RemoteFile.open(path, addressIn(this.folder, path), once);
      return now !== undefined && identityOf(now) === manifest.source?.identity;
    } catch (error) {
      if (!(error instanceof SternaError) || error.code !== 'network') throw error;
      this.notes.push(
        `The server was not reached; this is the model as it was at an earlier visit. (${error.message})`,
      );
      return true;
    }
  }

  /** A pack from the server: nothing of it but the manifest yet. */
  private async takePack(bytes: Uint8Array): Promise<KeptPack> {
    const manifest = parseManifest(bytes);
    const storage = await this.options.storage([this.key, PACK]);
    await clear(storage);
    await writeWhole(storage, MANIFEST, bytes);
    return { storage, manifest, bytes, isPack: true };
  }

  private async openKept({ storage, isPack, ...kept }: KeptPack): Promise<ModelFolder> {
    const golden = [...(this.folder.known?.golden ?? []), ...kept.manifest.golden];
    const manifest = { ...kept.manifest, golden };
    this.options.onConfig?.(parseConfig(manifest.config, MANIFEST), manifest.precision);
    const notes = this.notes;
    if (!storage.lasting)
      notes.push(
        'The model is in memory and will be downloaded again at the next visit: this site has no room, or no right, to keep it.',
      );
    if (!isPack) {
      const model = await openPack(
        manifest,
        async (name) => (await storage.open(name)) ?? missing(name, storage),
      ).catch((error) => this.giveUp(storage, error));
      return { ...model, notes };
    }
    const files = new Map(
      [...manifest.files.keys()].map((name) => [name, this.keptFile(name, manifest, storage)]),
    );
    const needed = [...manifest.layers, ...(manifest.tokenizer ? [manifest.tokenizer] : [])];
    await this.bring(needed.map((name) => files.get(name)!));
    const model = await openPack(manifest, async (name) => files.get(name)!, true);
    const words = manifest.words.map(({ file }) => files.get(file)!);
    return {
      ...model,
      notes,
      complete: async (stop) => {
        for (const file of words) {
          for (let at = manifest.files.get(file.name)!.start; at < file.size; at += COMPLETED_AT_A_TIME) {
            stop.throwIfAborted();
            await file.fetch(at, Math.min(at + COMPLETED_AT_A_TIME, file.size));
          }
        }
      },
    };
  }

  /** Downloads what of some files is still to come, and tells of it as of one. */
  private async bring(files: readonly KeptFile[]): Promise<void> {
    const missing = await Promise.all(files.map((file) => file.missingBytes()));
    const total = missing.reduce((sum, bytes) => sum + bytes, 0);
    this.total = total;
    this.loaded = 0;
    for (const file of files) await file.fetch();
    this.total = 0;
  }

  /** Bytes of what is brought at the moment. */
  private total = 0;
  private loaded = 0;

  private keptFile(name: string, manifest: Manifest, storage: Storage): KeptFile {
    const address = addressIn(this.folder, name);
    const onBytes = (count: number) => {
      this.options.onBytes?.(count);
      if (this.total === 0) return;
      this.loaded = Math.min(this.total, this.loaded + count);
      this.options.onProgress?.({
        phase: 'download',
        item: manifest.model,
        loaded: this.loaded,
        total: this.total,
      });
    };
    let remote: Promise<RemoteFile> | undefined;
    return new KeptFile(name, manifest.files.get(name)!, storage, () => {
      remote ??= RemoteFile.open(name, address, { ...this.options, onBytes })
        .then((file) => file ?? Promise.reject(notThere(`${name} in ${this.folder.address.href}`)))
        .catch((error) => {
          remote = undefined;
          throw error;
        });
      return remote;
    });
  }

  /** Downloads a checkpoint, and converts it on the way. */
  private async convert(): Promise<KeptPack> {
    const { precision, onConfig, onProgress, signal } = this.options;
    const { folder } = this;
    const configBytes = await this.fetch('config.json');
    if (!configBytes) throw notThere(`config.json in ${folder.address.href}`);
    const json = parseJson(configBytes, 'config.json');
    const config = parseConfig(json, 'config.json');
    onConfig?.(config, precision);
    const storage = await this.options.storage([this.key, precision]);
    const [promptBytes, tokenizer] = await Promise.all([
      this.fetch('config_sentence_transformers.json'),
      this.bringTokenizer(storage),
    ]);
    const prompts = promptsOf(promptBytes);
    const file = await weightFile(folder, config, precision, this.options);
    if (file.note) this.notes.push(file.note);
    const tell = (loaded: number, total: number) =>
      onProgress?.({ phase: 'download', item: file.name, loaded, total });
    const layout = await convertWeights(file, config, precision, storage, { signal, onProgress: tell }).catch(
      (error) => this.giveUp(storage, error),
    );
    const identity = file.identity;
    const source = { address: folder.address.origin + folder.address.pathname, file: file.name, identity };
    const incomplete = manifestOf(layout, {
      model: folder.name,
      revision: 'unknown',
      precision,
      config: json,
      prompts,
      source,
    });
    const files = new Map(incomplete.files);
    const artifact = await storage.open(TOKENIZER);
    if (artifact) files.set(TOKENIZER, { size: artifact.size, start: 0, chunk: Math.max(1, artifact.size) });
    const draft: Manifest = { ...incomplete, files, tokenizer: artifact && TOKENIZER };
    const { checkpoint } = await openPack(
      draft,
      async (name) => (await storage.open(name)) ?? missing(name, storage),
    );
    const fingerprint = () => fingerprintOf({ config, tokenizer, prompts, checkpoint });
    const revision = folder.commit?.slice(0, 16) ?? (await fingerprint());
    const manifest = { ...draft, revision };
    const bytes = manifestBytes(manifest);
    await writeWhole(storage, MANIFEST, bytes);
    await new Journal(storage).remove();
    return { storage, manifest, bytes, isPack: false };
  }

  /**
   * Sees to it that the tokenizer is kept. One of a commit that an earlier visit has kept will do.
   *
   * @returns the bytes of tokenizer.json where they count for the revision.
   */
  private async bringTokenizer(storage: Storage): Promise<Uint8Array | undefined> {
    const { commit } = this.folder;
    if (commit && (await hasTokenizer(storage))) return undefined;
    const bytes = await this.fetchTokenizer(storage);
    if (!commit) return bytes;
    if (bytes) release(bytes);
    return undefined;
  }

  /** Downloads tokenizer.json, and keeps what is needed of it. @returns its bytes. */
  private async fetchTokenizer(storage: Storage): Promise<Uint8Array | undefined> {
    const bytes = await this.fetch('tokenizer.json');
    if (!bytes) return undefined;
    const needed = this.folder.known?.sha256['tokenizer.json'];
    const found = needed && new Sha256().update(bytes).digest();
    if (found !== needed) {
      const error = new SternaError(
        'corrupt-file',
        `tokenizer.json is damaged: its SHA-256 is ${found}; needed: ${needed}. Load the model again, or get it from another place.`,
      );
      await this.giveUp(storage, error);
    }
    await writeWhole(storage, TOKENIZER, await tokenizerToBytes(bytes, 'tokenizer.json'));
    return bytes;
  }

  /** Throws away what is spoilt: bytes of two versions of a file, or damaged ones. */
  private async giveUp(storage: Storage, error: unknown): Promise<never> {
    if (!(error instanceof SternaError) || !SPOILS.has(error.code)) throw error;
    await clear(storage);
    throw new SpoiltDownload(error.message, { cause: error });
  }

  private fetch(path: string): Promise<Uint8Array | undefined> {
    const { onProgress } = this.options;
    return fetchWhole(path, addressIn(this.folder, path), this.options, (loaded, total) =>
      onProgress?.({ phase: 'download', item: path, loaded, total }),
    );
  }
}

/** What a manifest says of files that never travel: no hashes. */
export function manifestOf(
  { layers, words }: PackLayout,
  about: Pick<Manifest, 'model' | 'revision' | 'precision' | 'config' | 'prompts' | 'source'>,
): Manifest {
  const files = [...layers, ...words].map(
    ({ name, size }) => [name, { size, start: 0, chunk: size }] as const,
  );
  const starts = new Map(words.map(({ name, start }) => [name, start]));
  return {
    ...about,
    files: new Map(files.map(([name, file]) => [name, { ...file, start: starts.get(name) ?? 0 }])),
    layers: layers.map(({ name }) => name),
    words: words.map(({ name, rows }) => ({ file: name, rows })),
    golden: [],
  };
}

/** Whether there is a tokenizer, and all of it: its bytes carry a checksum. */
async function hasTokenizer(storage: Storage): Promise<boolean> {
  const file = await storage.open(TOKENIZER);
  if (!file) return false;
  return tokenizerFromBytes(await readAll(file), TOKENIZER).then(
    () => true,
    () => false,
  );
}

async function clear(storage: Storage): Promise<void> {
  for (const name of await storage.names()) await storage.remove(name);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function notThere(what: string): SternaError {
  return new SternaError(
    'model-not-found',
    `There is no ${what}; needed: a folder with config.json, model.safetensors and tokenizer.json, or a pack.`,
  );
}

function missing(name: string, storage: Storage): never {
  throw new SternaError(
    'corrupt-file',
    `${name} is not in ${storage.location} any more. Load the model again.`,
  );
}
