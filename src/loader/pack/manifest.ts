import { SternaError } from '../../errors.ts';
import type { Precision, Task } from '../../types.ts';
import { isRecord, parseJson, quote } from '../files.ts';

/** Name of the file that makes a folder a pack. It is written last. */
export const MANIFEST = 'sterna.json';

/** The longest manifest that is read. */
export const LONGEST_MANIFEST = 16 * 2 ** 20;

const FORMAT = 'sterna-pack';
const VERSION = 1;
const PRECISIONS: readonly string[] = ['f32', 'f16', 'q8', 'q4'];
/** Bytes of a SHA-256. */
export const HASH_BYTES = 32;

/** A file of a pack, as the manifest knows it. */
export interface ManifestFile {
  readonly size: number;
  /** Where the first chunk begins. */
  readonly start: number;
  /** Bytes of a chunk; the last one may be shorter. */
  readonly chunk: number;
  /** The SHA-256 of each chunk, one after another; absent where the file never travels. */
  readonly hashes?: Uint8Array;
}

/** A text with the vector that the model gives it, in full precision. */
export interface GoldenText {
  readonly ids: readonly number[];
  /** The first features of the vector; any number of them, of any length. */
  readonly vector: readonly number[];
}

/** What `sterna.json` says. */
export interface Manifest {
  readonly model: string;
  /** The part of a space's id that tells this model from others. */
  readonly revision: string;
  readonly precision: Precision;
  /** The model's own config.json. */
  readonly config: unknown;
  readonly prompts: Readonly<Record<Task, string>>;
  readonly files: ReadonlyMap<string, ManifestFile>;
  /** Files with all tensors but the word table. */
  readonly layers: readonly string[];
  /** Files with the word table, and the number of rows in each, in order. */
  readonly words: readonly { readonly file: string; readonly rows: number }[];
  readonly tokenizer?: string;
  readonly golden: readonly GoldenText[];
  /** Where it was made from, for people and for later visits. */
  readonly source?: Readonly<Record<string, unknown>>;
}

/** The bytes of a manifest. */
export function manifestBytes(manifest: Manifest): Uint8Array {
  const files = Object.fromEntries(
    [...manifest.files].map(([name, { size, start, chunk, hashes }]) => [
      name,
      { size, start, chunk, sha256: hashes && base64Of(hashes) },
    ]),
  );
  const json = { format: FORMAT, version: VERSION, ...manifest, files };
  return new TextEncoder().encode(JSON.stringify(json));
}

/**
 * Reads a manifest. Every name, number and hash is checked, so that what follows can trust them.
 *
 * @throws SternaError `corrupt-file`; `unsupported-model` for one of a later version.
 */
export function parseManifest(bytes: Uint8Array, name = MANIFEST): Manifest {
  const json = parseJson(bytes, name);
  const wrong = (words: string) => new SternaError('corrupt-file', `${name} is damaged: ${words}.`);
  if (!isRecord(json) || json.format !== FORMAT) throw wrong(`its format is not "${FORMAT}"`);
  if (json.version !== VERSION) {
    throw new SternaError(
      'unsupported-model',
      `${name} is of version ${quote(json.version)}, and this Sterna reads version ${VERSION}. Update Sterna, or make the pack again.`,
    );
  }
  const { model, revision, precision, config, prompts, tokenizer, source } = json;
  if (typeof model !== 'string' || model.length > 500) throw wrong(`model is ${quote(model)}`);
  if (typeof revision !== 'string' || !/^[\w.-]{1,100}$/.test(revision))
    throw wrong(`revision is ${quote(revision)}`);
  if (!PRECISIONS.includes(precision as string)) throw wrong(`precision is ${quote(precision)}`);
  if (!isRecord(prompts) || typeof prompts.query !== 'string' || typeof prompts.document !== 'string')
    throw wrong(`prompts is ${quote(prompts)}; needed: query and document`);
  const files = filesOf(json.files, wrong);
  const known = (file: unknown): string => {
    if (typeof file === 'string' && files.has(file)) return file;
    throw wrong(`${quote(file)} is not among its files`);
  };
  return {
    model,
    revision,
    precision: precision as Precision,
    config,
    prompts: { query: prompts.query, document: prompts.document },
    files,
    layers: listOf(json.layers, 'layers', wrong).map(known),
    words: listOf(json.words, 'words', wrong).map((one) => {
      if (!isRecord(one) || !isCount(one.rows)) throw wrong(`words has ${quote(one)}; needed: file and rows`);
      return { file: known(one.file), rows: one.rows };
    }),
    tokenizer: tokenizer === undefined ? undefined : known(tokenizer),
    golden: listOf(json.golden ?? [], 'golden', wrong).map((one) => goldenOf(one, wrong)),
    source: isRecord(source) ? source : undefined,
  };
}

/** Most files of a pack, chunks of a file, and golden texts: far more than any has, and few enough to be no burden. */
const MOST_FILES = 10_000;
const MOST_CHUNKS = 1_000_000;
/** Most bytes of a file, and of a chunk, which is in memory as a whole. */
const LARGEST_FILE = 2 ** 30;
const LARGEST_CHUNK = 2 ** 27;
const MOST_GOLDEN = 100;

function filesOf(value: unknown, wrong: (words: string) => SternaError): Map<string, ManifestFile> {
  if (!isRecord(value)) throw wrong(`files is ${quote(value)}; needed: an object`);
  const entries = Object.entries(value);
  if (entries.length > MOST_FILES) throw wrong(`it has ${entries.length} files`);
  return new Map(
    entries.map(([name, file]) => {
      // A name only: nothing outside of the pack's folder is opened.
      if (!/^[\w-][\w.-]{0,199}$/.test(name))
        throw wrong(`a file is called ${quote(name)}; needed: a file name`);
      if (!isRecord(file)) throw wrong(`its entry of ${name} is ${quote(file)}`);
      const { size, start = 0, chunk, sha256 } = file;
      if (!isCount(size) || size > LARGEST_FILE || !isCount(start) || start > size)
        throw wrong(`${name} has the sizes ${quote({ size, start, chunk })}`);
      if (!isCount(chunk) || chunk === 0 || chunk > LARGEST_CHUNK)
        throw wrong(`${name} has the sizes ${quote({ size, start, chunk })}`);
      const chunks = Math.ceil((size - start) / chunk);
      if (chunks > MOST_CHUNKS) throw wrong(`${name} has ${chunks} chunks`);
      if (sha256 === undefined) return [name, { size, start, chunk }];
      const hashes = typeof sha256 === 'string' ? bytesOfBase64(sha256) : undefined;
      if (hashes?.length !== HASH_BYTES * chunks)
        throw wrong(`${name} has no SHA-256 for each of its ${chunks} chunks`);
      return [name, { size, start, chunk, hashes }];
    }),
  );
}

function goldenOf(value: unknown, wrong: (words: string) => SternaError): GoldenText {
  const numbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.length > 0 && list.length <= 10_000 && list.every(Number.isFinite);
  if (!isRecord(value) || !numbers(value.ids) || !value.ids.every(isCount) || !numbers(value.vector))
    throw wrong(`golden has ${quote(value)}; needed: ids and vector`);
  return { ids: value.ids, vector: value.vector };
}

function listOf(value: unknown, what: string, wrong: (words: string) => SternaError): unknown[] {
  const most = what === 'golden' ? MOST_GOLDEN : MOST_FILES;
  if (Array.isArray(value) && value.length <= most) return value;
  throw wrong(`${what} is ${quote(value)}; needed: a list`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function base64Of(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function bytesOfBase64(text: string): Uint8Array | undefined {
  try {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    return undefined;
  }
}
