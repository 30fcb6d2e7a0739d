import { crc32 } from '../crc32.ts';
import { SternaError } from '../errors.ts';
import { unitVector, type VectorLike } from '../index/vectors/unit.ts';
import { type CentroidTable, readCentroids } from './centroid-file.ts';
import {
  type ClusterCodes,
  clusterBytes,
  prepareQuery,
  scoreCentroids,
  scoreRows,
  viewCluster,
} from './cluster-codes.ts';
import { type ClusterPlace, readClusters } from './cluster-file.ts';
import { corruptShards } from './corrupt.ts';
import { MANIFEST, type Manifest, MOST_MANIFEST_BYTES, readManifest, type WholeFile } from './manifest.ts';
import { bestRows, bytesForCodes, candidatesFor, clustersToRead } from './probe.ts';
import { leastRecordBytes, MOST_RECORD_BYTES, type PassageRecord, readRecord } from './record.ts';
import { type ByteRange, FileGone, RemoteFiles, type ShardFetch, type Traffic } from './remote-files.ts';

/** Most hits of a search. */
const MOST_HITS = 1000;
/** Bytes of files that are kept in memory. */
const CACHE_BYTES = 64 * 2 ** 20;

/** How to open. */
export interface ShardedIndexOptions {
  /** Fetches in place of the browser's `fetch`: to add headers, say. */
  readonly fetch?: ShardFetch;
  /** Most bytes of files that are kept in memory for later searches. Default: 64 MiB. */
  readonly cacheBytes?: number;
  /** Stops the opening. */
  readonly signal?: AbortSignal;
}

/** How to search. */
export interface ShardedSearchOptions {
  /** Most hits, up to 1000. Default: 10. */
  readonly k?: number;
  /** Clusters that are read, the nearest ones. Default: as many as were needed when the index was made. */
  readonly probes?: number;
  /**
   * Most bytes that are read, those that are in memory already included. The nearest cluster and the records of the hits are read in any case, and
   * up to 1 KiB between ranges that are read as one. Default: what was chosen when the index was made.
   */
  readonly maxBytes?: number;
  /** Stops the search. */
  readonly signal?: AbortSignal;
}

/** A passage that was found. */
export interface ShardedHit extends PassageRecord {
  /** Cosine of the query and the passage, whose numbers have 8 bits. */
  readonly score: number;
}

/** What a search found, and what it took. */
export interface ShardedResult {
  /** Best first; equal ones by id and passage. */
  readonly hits: readonly ShardedHit[];
  /** Clusters that were read. */
  readonly clusters: number;
  /** Passages in them. */
  readonly rows: number;
  /** Bytes that came from the server, without headers. */
  readonly bytes: number;
  readonly requests: number;
}

/** One build of the index. */
interface Build {
  readonly manifest: Manifest;
  readonly table: CentroidTable;
  readonly places: readonly ClusterPlace[];
}

/**
 * An index that lies on a static host as `buildShards` has made it. A search reads the clusters that are nearest to its vector, by ranges, and the
 * texts of what may be hits. All that is read is checked.
 *
 * Where a file is gone because the index was published anew, the new one is opened, and the search begins again.
 */
export class ShardedIndex {
  private constructor(
    private readonly files: RemoteFiles,
    private build: Build,
  ) {}

  /**
   * Reads search.json, and the middles of all clusters.
   *
   * @param baseUrl - address of the folder; relative to the page.
   * @throws SternaError `network`, `corrupt-file`, `source-changed`; `invalid-input` for an address that is none.
   */
  static async open(baseUrl: string | URL, options: ShardedIndexOptions = {}): Promise<ShardedIndex> {
    const { fetch = (address, init) => globalThis.fetch(address, init), signal } = options;
    signal?.throwIfAborted();
    const files = new RemoteFiles(folderAt(baseUrl), fetch, options.cacheBytes ?? CACHE_BYTES);
    return new ShardedIndex(files, await openBuild(files, signal));
  }

  /** Id of the space of the vectors: that of the embedder of queries must be the same. */
  get space(): string {
    return this.build.manifest.space;
  }

  get dimensions(): number {
    return this.build.manifest.dimensions;
  }

  /** Name of the model, where it is known. */
  get model(): string | undefined {
    return this.build.manifest.model;
  }

  /** Documents in the index. */
  get documentCount(): number {
    return this.build.manifest.documents;
  }

  /** Passages in the index. */
  get passageCount(): number {
    return this.build.manifest.rows;
  }

  /** Share of the ten nearest passages that searches found when the index was made. */
  get recall(): number {
    return this.build.manifest.recall;
  }

  /**
   * The nearest passages.
   *
   * @param vector - `[dimensions]`, of any length but 0.
   * @throws SternaError `invalid-input`, `invalid-vector`, `network`, `corrupt-file`; `source-changed` where a file is gone and there is no newer
   * search.json, or one of another space.
   */
  async search(vector: VectorLike, options: ShardedSearchOptions = {}): Promise<ShardedResult> {
    const wanted = checked(options, this.build.manifest);
    options.signal?.throwIfAborted();
    const query = unitVector(vector, this.dimensions);
    const traffic: Traffic = { bytes: 0, requests: 0 };
    const { build } = this;
    try {
      return await this.searchIn(build, query, wanted, traffic);
    } catch (error) {
      if (!(error instanceof FileGone)) throw error;
      await this.reopen(build, error, traffic, options.signal);
      return await this.searchIn(this.build, query, wanted, traffic).catch((again) => {
        throw again instanceof FileGone ? changed(again, 'Its search.json still refers to it') : again;
      });
    }
  }

  private async searchIn(
    build: Build,
    vector: Float32Array,
    { k, probes, maxBytes, signal }: CheckedSearch,
    traffic: Traffic,
  ): Promise<ShardedResult> {
    const { manifest, table, places } = build;
    const middles = scoreCentroids(table, vector);
    const budget = bytesForCodes(maxBytes, k, meanRecordBytes(manifest));
    const rowsOf = (cluster: number) => places[cluster].rows;
    const read = clustersToRead(middles, rowsOf, manifest.dimensions, k > 0 ? probes : 0, budget);
    const codes = await this.readCodes(build, read, traffic, signal);
    const counts = codes.map(({ rows }) => rows);
    const scores = new Float64Array(counts.reduce((sum, rows) => sum + rows, 0));
    const query = prepareQuery(table, vector);
    let from = 0;
    for (const [i, cluster] of read.entries()) {
      scoreRows(query, middles[cluster], codes[i], scores, from);
      from += counts[i];
    }
    if (!scores.every(Number.isFinite)) throw corruptShards(manifest.clusters.name, 'a scale is not finite');
    const { clusters, rows } = bestRows(scores, counts, candidatesFor(k));
    const left = maxBytes - read.reduce((sum, i) => sum + clusterBytes(manifest.dimensions, rowsOf(i)), 0);
    const records = recordsOf(build, read, codes, clusters, rows).filter(fitting(k, left));
    const hits = await this.readHits(records, vector, traffic, signal);
    return { hits: hits.slice(0, k), clusters: read.length, rows: scores.length, ...traffic };
  }

  private async readCodes(
    { manifest, places }: Build,
    clusters: readonly number[],
    traffic: Traffic,
    signal?: AbortSignal,
  ): Promise<ClusterCodes[]> {
    const { dimensions, shards } = manifest;
    const ranges = clusters.map((cluster) => {
      const { shard, start, rows } = places[cluster];
      return { file: shards[shard].codes, start, end: start + clusterBytes(dimensions, rows) };
    });
    const pieces = await this.files.ranges(ranges, traffic, signal);
    return pieces.map((bytes, i) => {
      const { crc, rows } = places[clusters[i]];
      if (crc32(bytes) !== crc) {
        this.files.forget(ranges[i]);
        throw corruptShards(ranges[i].file.name, `the checksum of cluster ${clusters[i]} does not match`);
      }
      return viewCluster(bytes, dimensions, rows);
    });
  }

  private async readHits(
    ranges: readonly ByteRange[],
    vector: Float32Array,
    traffic: Traffic,
    signal?: AbortSignal,
  ): Promise<ShardedHit[]> {
    const pieces = await this.files.ranges(ranges, traffic, signal);
    const hits = pieces.map((bytes, i) => {
      try {
        return readRecord(ranges[i].file.name, bytes, vector);
      } catch (error) {
        this.files.forget(ranges[i]);
        throw error;
      }
    });
    return hits.sort(
      (a, b) => b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : a.passage - b.passage),
    );
  }

  /** Opens the build that has replaced one, unless another search has done so. */
  private async reopen(gone: Build, error: FileGone, traffic: Traffic, signal?: AbortSignal): Promise<void> {
    if (this.build !== gone) return;
    const next = await openBuild(this.files, signal, traffic);
    const { space, dimensions } = gone.manifest;
    if (next.manifest.space !== space || next.manifest.dimensions !== dimensions) {
      const words = `The index is now one of the space "${next.manifest.space}", and was one of "${space}"`;
      throw changed(error, words);
    }
    this.build = next;
  }
}

interface CheckedSearch {
  readonly k: number;
  readonly probes: number;
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

function checked(options: ShardedSearchOptions, manifest: Manifest): CheckedSearch {
  const { k = 10, probes = manifest.probes, maxBytes = manifest.maxBytes, signal } = options;
  if (!Number.isInteger(k) || k < 0 || k > MOST_HITS)
    throw new SternaError('invalid-input', `k is ${k}; needed: a whole number from 0 to ${MOST_HITS}.`);
  if (!(probes >= 1))
    throw new SternaError('invalid-input', `probes is ${probes}; needed: a number of at least 1.`);
  if (!(maxBytes >= 0))
    throw new SternaError('invalid-input', `maxBytes is ${maxBytes}; needed: a number of at least 0.`);
  return { k, probes, maxBytes, signal };
}

async function openBuild(
  files: RemoteFiles,
  signal?: AbortSignal,
  traffic: Traffic = { bytes: 0, requests: 0 },
): Promise<Build> {
  try {
    return await openOnce(files, traffic, signal);
  } catch (error) {
    // The index may have been published anew just after search.json was read.
    if (!(error instanceof FileGone)) throw error;
    return await openOnce(files, traffic, signal).catch((again) => {
      throw again instanceof FileGone
        ? changed(again, 'It is not where search.json says, twice in a row')
        : again;
    });
  }
}

async function openOnce(files: RemoteFiles, traffic: Traffic, signal?: AbortSignal): Promise<Build> {
  const json = await files.whole(MANIFEST, MOST_MANIFEST_BYTES, traffic, signal, 'no-cache');
  const manifest = readManifest(json);
  const [centroids, clusters] = await Promise.all(
    [manifest.centroids, manifest.clusters].map((file) => readWhole(files, file, traffic, signal)),
  );
  const table = readCentroids(manifest.centroids.name, centroids, manifest.dimensions);
  const places = readClusters(clusters, manifest);
  if (places.length !== table.count) {
    const words = `it has ${places.length} clusters and ${manifest.centroids.name} ${table.count}`;
    throw corruptShards(manifest.clusters.name, words);
  }
  return { manifest, table, places };
}

async function readWhole(
  files: RemoteFiles,
  { name, bytes, crc }: WholeFile,
  traffic: Traffic,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await files.whole(name, bytes, traffic, signal);
  if (file.length !== bytes) throw corruptShards(name, `it has ${file.length} bytes; needed: ${bytes}`);
  if (crc32(file) !== crc) throw corruptShards(name, 'its checksum does not match');
  return file;
}

function meanRecordBytes({ shards, rows }: Manifest): number {
  return shards.reduce((sum, { records }) => sum + records.bytes, 0) / Math.max(1, rows);
}

/** Where the records of rows lie. */
function recordsOf(
  { manifest, places }: Build,
  read: readonly number[],
  codes: readonly ClusterCodes[],
  clusters: Uint32Array,
  rows: Uint32Array,
): ByteRange[] {
  const starts = codes.map(({ recordBytes }, i) => startsOf(recordBytes, places[read[i]].records));
  return Array.from(rows, (row, i) => {
    const at = clusters[i];
    const { shard } = places[read[at]];
    const { records: file } = manifest.shards[shard];
    const start = starts[at][row];
    const length = codes[at].recordBytes[row];
    const isRight = length >= leastRecordBytes(manifest.dimensions) && length <= MOST_RECORD_BYTES;
    if (!isRight || start + length > file.bytes)
      throw corruptShards(file.name, `a record of ${length} bytes is not inside it`);
    return { file, start, end: start + length };
  });
}

function startsOf(lengths: Uint32Array, first: number): Float64Array {
  const starts = new Float64Array(lengths.length);
  let at = first;
  for (let row = 0; row < lengths.length; row++) {
    starts[row] = at;
    at += lengths[row];
  }
  return starts;
}

/** Takes the first k, and of the others as many as there is room for. */
function fitting(k: number, bytes: number): (range: ByteRange, i: number) => boolean {
  let left = bytes;
  return ({ start, end }, i) => {
    left -= end - start;
    return i < k || left >= 0;
  };
}

function folderAt(baseUrl: string | URL): URL {
  try {
    return new URL(baseUrl, globalThis.location?.href);
  } catch (cause) {
    throw new SternaError(
      'invalid-input',
      `baseUrl is "${String(baseUrl)}"; needed: the address of a folder.`,
      { cause },
    );
  }
}

function changed({ file }: FileGone, words: string): SternaError {
  return new SternaError(
    'source-changed',
    `${file} is not on the server. ${words}. Publish all files of the folder, search.json last, and reload the page.`,
  );
}
