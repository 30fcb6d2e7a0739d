import { isContentName } from './content-name.ts';
import { corruptShards, laterVersion } from './corrupt.ts';

/** Name of the file that a page begins with. It is the only one that changes under its name. */
export const MANIFEST = 'search.json';
const FORMAT = 'sterna-shards';
const VERSION = 1;

/** Most bytes of a manifest that is read. */
export const MOST_MANIFEST_BYTES = 16 * 2 ** 20;
const MOST_DIMENSIONS = 65536;
/** Most bytes of a file that is read as a whole. */
const MOST_WHOLE_BYTES = 2 ** 28;
/** Most bytes of a file that is read in ranges. */
export const MOST_RANGED_BYTES = 2 ** 31 - 1;

/** A file that is read as a whole. */
export interface WholeFile {
  readonly name: string;
  readonly bytes: number;
  /** CRC-32. */
  readonly crc: number;
}

/** A file that is read in ranges, which are checked one by one. */
export interface RangedFile {
  readonly name: string;
  readonly bytes: number;
}

/** Clusters that lie together: their codes, and their records. */
export interface ShardFiles {
  readonly codes: RangedFile;
  readonly records: RangedFile;
}

/** What search.json says. */
export interface Manifest {
  /** Id of the space of the vectors. */
  readonly space: string;
  readonly dimensions: number;
  /** Name of the model. */
  readonly model?: string;
  /** Passages. */
  readonly rows: number;
  readonly documents: number;
  /** Clusters that a search reads, unless it says otherwise. */
  readonly probes: number;
  /** Most bytes that a search reads, unless it says otherwise. */
  readonly maxBytes: number;
  /** Share of the ten nearest passages that searches found when the index was made, with these probes and bytes. */
  readonly recall: number;
  readonly centroids: WholeFile;
  /** Where each cluster lies. */
  readonly clusters: WholeFile;
  readonly shards: readonly ShardFiles[];
}

export function writeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const json = JSON.stringify({ format: FORMAT, version: VERSION, ...manifest }, null, 1);
  return new TextEncoder().encode(`${json}\n`);
}

/** @throws SternaError `corrupt-file`. */
export function readManifest(bytes: Uint8Array): Manifest {
  const saved = parse(bytes);
  if (saved.format !== FORMAT) throw corruptShards(MANIFEST, `its format is not "${FORMAT}"`);
  const { version } = saved;
  if (!isWhole(version, 1, Number.MAX_SAFE_INTEGER)) throw corruptShards(MANIFEST, 'it has no version');
  if (version > VERSION) throw laterVersion(MANIFEST, version, VERSION);
  const wrong = faultOf(saved);
  if (wrong) throw corruptShards(MANIFEST, `${wrong} is missing, or is not what it can be`);
  const { space, dimensions, model, rows, documents, probes, maxBytes, recall, centroids, clusters, shards } =
    saved as unknown as Manifest;
  return { space, dimensions, model, rows, documents, probes, maxBytes, recall, centroids, clusters, shards };
}

type Json = Readonly<Record<string, unknown>>;

function parse(bytes: Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corruptShards(MANIFEST, 'it is no JSON', cause);
  }
  if (!isObject(value)) throw corruptShards(MANIFEST, 'it is no object');
  return value;
}

/** The first property that is wrong. */
function faultOf(saved: Json): string | undefined {
  const most = 2 ** 31;
  if (typeof saved.space !== 'string' || saved.space === '') return 'space';
  if (!isWhole(saved.dimensions, 1, MOST_DIMENSIONS)) return 'dimensions';
  if (saved.model !== undefined && typeof saved.model !== 'string') return 'model';
  for (const name of ['rows', 'documents']) if (!isWhole(saved[name], 0, most)) return name;
  for (const name of ['probes', 'maxBytes']) if (!isWhole(saved[name], 1, most)) return name;
  if (typeof saved.recall !== 'number' || !(saved.recall >= 0 && saved.recall <= 1)) return 'recall';
  if (!isWholeFile(saved.centroids, 'centroids')) return 'centroids';
  if (!isWholeFile(saved.clusters, 'clusters')) return 'clusters';
  return Array.isArray(saved.shards) && saved.shards.every(isShard) ? undefined : 'shards';
}

function isShard(value: unknown): boolean {
  return isObject(value) && isFile(value.codes, 'shard') && isFile(value.records, 'records');
}

function isWholeFile(value: unknown, kind: string): boolean {
  return isFile(value, kind, MOST_WHOLE_BYTES) && isWhole((value as Json).crc, 0, 2 ** 32 - 1);
}

function isFile(value: unknown, kind: string, mostBytes = MOST_RANGED_BYTES): boolean {
  return isObject(value) && isContentName(value.name, kind) && isWhole(value.bytes, 0, mostBytes);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
