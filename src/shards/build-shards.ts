import { crc32 } from '../crc32.ts';
import { SternaError } from '../errors.ts';
import type { ExchangeHeader, ExchangeRows } from '../exchange/exchange.ts';
import { Scanner } from '../index/scan/scanner.ts';
import { MOST_DIMENSIONS } from '../index/vectors/code-layout.ts';
import { unitVector } from '../index/vectors/unit.ts';
import { readCentroids, writeCentroids } from './centroid-file.ts';
import { encodeRow, makeClusterCodes } from './cluster-codes.ts';
import { type ClusterPlace, readClusters, writeClusters } from './cluster-file.ts';
import { type Clustered, type Clustering, cluster, recluster, suits } from './clustering.ts';
import { contentName } from './content-name.ts';
import {
  MANIFEST,
  type Manifest,
  MOST_RANGED_BYTES,
  type RangedFile,
  readManifest,
  type ShardFiles,
  type WholeFile,
  writeManifest,
} from './manifest.ts';
import { measureRecall } from './measure-recall.ts';
import { bytesForCodes } from './probe.ts';
import { randomNumbers } from './random.ts';
import { leastRecordBytes, writePassage, writeRecord } from './record.ts';
import { VectorList } from './vector-list.ts';

/** Neighbours for which the number of clusters is measured. */
const NEAREST = 10;
/** Clusters begin at multiples of so many bytes. */
const ALIGNMENT = 8;

/** What the index says of all its passages. */
export type ShardsHeader = Pick<ExchangeHeader, 'space' | 'dimensions' | 'model'>;

/** How to build. */
export interface BuildShardsOptions {
  /**
   * Reads a file of the build that is published already, or gives nothing where there is none. Its clusters are kept, so that only those change whose
   * passages did. A build of another space is not looked at, nor one of a very different size, nor a damaged one.
   */
  readonly previous?: (name: string) => Promise<Uint8Array | undefined>;
  /** Clusters. Default: four times the square root of the number of passages. */
  readonly clusters?: number;
  /** Bytes of the codes of a shard; the records of its passages, texts included, are several times that. Default: 256 KiB. */
  readonly shardBytes?: number;
  /** Most bytes that a search reads after the centroids. Default: 500,000. */
  readonly maxBytes?: number;
  /** Share of the ten nearest passages that a search is to find, from 0 to 1. Default: 0.98. */
  readonly recall?: number;
  /** Another seed gives other clusters. Default: 1. */
  readonly seed?: number;
  /** Stops the build between its steps. */
  readonly signal?: AbortSignal;
}

/** Where the files go. */
export type ShardSink = (name: string, bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;

/** What was built. */
export interface ShardsReport {
  readonly rows: number;
  readonly documents: number;
  /** Rows that have no vector, and are left out. */
  readonly skipped: number;
  readonly clusters: number;
  /** Whether the clusters of the previous build were kept. */
  readonly isUpdate: boolean;
  /** See {@link Manifest}. */
  readonly probes: number;
  readonly recall: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Names of the files that were given to the sink, search.json last. */
  readonly written: readonly string[];
  /** Names of the files that are as they were in the previous build. */
  readonly kept: readonly string[];
  /** Names of files of the previous build that nothing refers to any more. Pages that are open may still ask for them. */
  readonly obsolete: readonly string[];
}

/**
 * Makes the files of an index that pages search on any static host. The same passages and options give the same bytes. All vectors and texts are in
 * memory meanwhile.
 *
 * @param sink - takes one file after another; search.json is the last, so that a page never sees half an index.
 * @throws SternaError `invalid-input` for options or passages that are not as they should be, `invalid-vector`.
 */
export async function buildShards(
  rows: ExchangeRows,
  header: ShardsHeader,
  options: BuildShardsOptions,
  sink: ShardSink,
): Promise<ShardsReport> {
  checkNumbers(header, options);
  const { seed = 1, shardBytes = 256 * 2 ** 10, maxBytes = 500_000, recall = 0.98, signal } = options;
  const passages = await Passages.collect(rows, header.dimensions, signal);
  const before = options.previous && (await readPrevious(options.previous, header));
  signal?.throwIfAborted();
  const { vectors } = passages;
  const scanner = Scanner.alone();
  const ways = { clusters: options.clusters, seed, shardBytes };
  const isUpdate = before !== undefined && suits(before.clustering, vectors.length, options.clusters);
  const clustered = isUpdate
    ? recluster(scanner, vectors, before.clustering, ways)
    : cluster(scanner, vectors, ways);
  signal?.throwIfAborted();
  const coded = codesOf(passages, clustered);
  const codeBytes = bytesForCodes(maxBytes, NEAREST, passages.meanRecordBytes);
  const measured = measureRecall(scanner, vectors, coded, codeBytes, recall, randomNumbers(seed + 1));
  signal?.throwIfAborted();

  const output = new Output(sink, before?.manifest);
  const { places, shards } = await writeShards(output, passages, clustered, coded);
  const manifest: Manifest = {
    space: header.space,
    dimensions: header.dimensions,
    model: header.model,
    rows: vectors.length,
    documents: passages.documents,
    probes: measured.probes,
    maxBytes,
    recall: Math.floor(measured.recall * 1000) / 1000,
    centroids: await output.whole('centroids', writeCentroids(clustered.table)),
    clusters: await output.whole('clusters', writeClusters(places)),
    shards,
  };
  await output.manifest(manifest);
  return {
    rows: manifest.rows,
    documents: manifest.documents,
    skipped: passages.skipped,
    clusters: places.length,
    isUpdate,
    probes: manifest.probes,
    recall: manifest.recall,
    ...output.report(),
  };
}

function checkNumbers({ space, dimensions }: ShardsHeader, options: BuildShardsOptions): void {
  const { clusters = 1, shardBytes = 1, maxBytes = 1, recall = 1 } = options;
  if (typeof space !== 'string' || space === '') throw invalid('space', space, 'the id of one');
  if (!isWhole(dimensions) || dimensions > MOST_DIMENSIONS)
    throw invalid('dimensions', dimensions, `a whole number from 1 to ${MOST_DIMENSIONS}`);
  if (!isWhole(clusters)) throw invalid('clusters', clusters, 'a whole number of at least 1');
  if (!isWhole(shardBytes)) throw invalid('shardBytes', shardBytes, 'a whole number of at least 1');
  if (!isWhole(maxBytes)) throw invalid('maxBytes', maxBytes, 'a whole number of at least 1');
  if (!(recall > 0 && recall <= 1)) throw invalid('recall', recall, 'a number above 0, and at most 1');
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 2 ** 31;
}

function invalid(name: string, found: unknown, needed: string): SternaError {
  return new SternaError('invalid-input', `${name} is ${String(found)}; needed: ${needed}.`);
}

/** All passages in memory, by id and passage: the order in which they come does not matter. */
class Passages {
  /** JSON of each. */
  json: Uint8Array[] = [];
  skipped = 0;
  private readonly ids: string[] = [];
  private readonly numbers: number[] = [];
  private readonly seen = new Map<string, Set<number>>();

  private constructor(public vectors: VectorList) {}

  static async collect(rows: ExchangeRows, dimensions: number, signal?: AbortSignal): Promise<Passages> {
    const passages = new Passages(new VectorList(dimensions));
    const unit = new Float32Array(dimensions);
    for await (const row of rows) {
      signal?.throwIfAborted();
      if (!row.vector) {
        passages.skipped++;
        continue;
      }
      passages.note(row.id, row.passage);
      passages.vectors.push(unitVector(row.vector, dimensions, unit));
      passages.ids.push(row.id);
      passages.numbers.push(row.passage);
      passages.json.push(writePassage(row));
    }
    passages.sort();
    return passages;
  }

  get documents(): number {
    return this.seen.size;
  }

  get meanRecordBytes(): number {
    const bytes = this.json.reduce((sum, json) => sum + json.length, 0);
    return leastRecordBytes(this.vectors.dimensions) + bytes / Math.max(1, this.json.length);
  }

  private sort(): void {
    const { ids, numbers, vectors, json } = this;
    const order = Uint32Array.from(ids.keys());
    order.sort((a, b) => (ids[a] === ids[b] ? numbers[a] - numbers[b] : ids[a] < ids[b] ? -1 : 1));
    if (order.every((row, i) => row === i)) return;
    this.vectors = new VectorList(vectors.dimensions);
    for (const row of order) this.vectors.push(vectors.at(row));
    this.json = Array.from(order, (row) => json[row]);
  }

  private note(id: string, passage: number): void {
    const numbers = this.seen.get(id) ?? new Set();
    if (numbers.has(passage))
      throw new SternaError('duplicate-id', `Passage ${passage} of the document "${id}" came twice.`);
    this.seen.set(id, numbers.add(passage));
  }
}

/** The rows of each cluster, and their codes. */
function codesOf({ vectors }: Passages, { table, nearest }: Clustered) {
  const lists: number[][] = Array.from({ length: table.count }, () => []);
  for (let row = 0; row < nearest.length; row++) lists[nearest[row]].push(row);
  const members = lists.map((list) => Uint32Array.from(list));
  const codes = members.map((list, cluster) => {
    const made = makeClusterCodes(vectors.dimensions, list.length);
    for (const [i, row] of list.entries()) encodeRow(table, cluster, vectors.at(row), made, i);
    return made;
  });
  return { table, members, codes };
}

/** Writes the shards, one after another. */
async function writeShards(
  output: Output,
  { vectors, json }: Passages,
  clustered: Clustered,
  { members, codes }: ReturnType<typeof codesOf>,
): Promise<{ places: ClusterPlace[]; shards: ShardFiles[] }> {
  const places: ClusterPlace[] = [];
  const shards: ShardFiles[] = [];
  for (let first = 0; first < members.length; ) {
    const shard = new Pieces();
    const records = new Pieces();
    let next = first;
    for (; next < members.length && clustered.shards[next] === clustered.shards[first]; next++) {
      const { bytes, recordBytes } = codes[next];
      const start = shard.length;
      const firstRecord = records.length;
      for (const [i, row] of members[next].entries()) {
        const record = writeRecord(vectors.at(row), json[row]);
        recordBytes[i] = record.length;
        records.push(record);
      }
      shard.push(bytes);
      shard.pad(ALIGNMENT);
      places.push({
        shard: shards.length,
        start,
        rows: members[next].length,
        records: firstRecord,
        crc: crc32(bytes),
      });
    }
    shards.push({
      codes: await output.ranged('shard', shard.join()),
      records: await output.ranged('records', records.join()),
    });
    first = next;
  }
  return { places, shards };
}

class Pieces {
  length = 0;
  private readonly pieces: Uint8Array[] = [];

  push(bytes: Uint8Array): void {
    this.pieces.push(bytes);
    this.length += bytes.length;
  }

  pad(alignment: number): void {
    this.push(new Uint8Array((alignment - (this.length % alignment)) % alignment));
  }

  join(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

/** Gives files to the sink, but for those that are published already. */
class Output {
  private readonly before: ReadonlySet<string>;
  private readonly written = new Set<string>();
  private readonly kept = new Set<string>();
  private bytes = 0;

  constructor(
    private readonly sink: ShardSink,
    before: Manifest | undefined,
  ) {
    this.before = new Set(before && namesOf(before));
  }

  async ranged(kind: string, bytes: Uint8Array<ArrayBuffer>): Promise<RangedFile> {
    if (bytes.length > MOST_RANGED_BYTES) {
      throw new SternaError(
        'limits',
        `A shard has ${bytes.length} bytes of ${kind}; the most is ${MOST_RANGED_BYTES}. Choose smaller shardBytes.`,
      );
    }
    const name = await contentName(kind, bytes);
    if (this.written.has(name) || this.kept.has(name)) return { name, bytes: bytes.length };
    this.bytes += bytes.length;
    if (this.before.has(name)) this.kept.add(name);
    else {
      this.written.add(name);
      await this.sink(name, bytes);
    }
    return { name, bytes: bytes.length };
  }

  async whole(kind: string, bytes: Uint8Array<ArrayBuffer>): Promise<WholeFile> {
    return { ...(await this.ranged(kind, bytes)), crc: crc32(bytes) };
  }

  async manifest(manifest: Manifest): Promise<void> {
    const bytes = writeManifest(manifest);
    this.bytes += bytes.length;
    this.written.add(MANIFEST);
    await this.sink(MANIFEST, bytes);
  }

  report() {
    const { bytes, written, kept, before } = this;
    const obsolete = [...before].filter((name) => !kept.has(name) && !written.has(name));
    return { bytes, written: [...written], kept: [...kept], obsolete };
  }
}

function namesOf({ centroids, clusters, shards }: Manifest): string[] {
  return [
    centroids.name,
    clusters.name,
    ...shards.flatMap(({ codes, records }) => [codes.name, records.name]),
  ];
}

/** The clusters of an earlier build, where they can be used. */
async function readPrevious(
  read: NonNullable<BuildShardsOptions['previous']>,
  header: ShardsHeader,
): Promise<{ manifest: Manifest; clustering: Clustering } | undefined> {
  try {
    const saved = await read(MANIFEST);
    if (!saved) return undefined;
    const manifest = readManifest(saved);
    if (manifest.space !== header.space || manifest.dimensions !== header.dimensions) return undefined;
    const [centroids, clusters] = await Promise.all([
      readWhole(read, manifest.centroids),
      readWhole(read, manifest.clusters),
    ]);
    if (!centroids || !clusters) return undefined;
    const table = readCentroids(manifest.centroids.name, centroids, manifest.dimensions);
    const places = readClusters(clusters, manifest);
    if (places.length !== table.count) return undefined;
    return { manifest, clustering: { table, shards: places.map(({ shard }) => shard) } };
  } catch (error) {
    // A damaged build is replaced by a new one.
    if (error instanceof SternaError && error.code === 'corrupt-file') return undefined;
    throw error;
  }
}

async function readWhole(
  read: NonNullable<BuildShardsOptions['previous']>,
  { name, bytes, crc }: WholeFile,
): Promise<Uint8Array | undefined> {
  const file = await read(name);
  return file && file.length === bytes && crc32(file) === crc ? file : undefined;
}
