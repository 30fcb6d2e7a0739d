import type { Scanner } from '../index/scan/scanner.ts';
import { type CentroidTable, makeCentroidTable } from './centroid-file.ts';
import { Centroids } from './centroids.ts';
import { clusterBytes } from './cluster-codes.ts';
import { kMeans } from './k-means.ts';
import { orderClusters } from './order-clusters.ts';
import { randomNumbers } from './random.ts';
import { VectorList } from './vector-list.ts';

/** Clusters for each square root of the rows. */
const CLUSTERS_PER_ROOT = 4;
/** A new cluster has at most so many times the mean of rows, and an old one twice that, before it is divided. */
const MOST_TIMES_MEAN = 3;
/** An index that has so many times the clusters that a new one would have, or that share of them, is clustered anew. */
const KEEP_WITHIN = 2.5;

/** Least spread of a dimension: one in which all rows are equal has none. */
const LEAST_SPREAD = 1e-6;

/** Clusters, and in which shard each of them lies. */
export interface Clustering {
  readonly table: CentroidTable;
  /** `[clusters]` ascending. */
  readonly shards: readonly number[];
}

/** Clusters, and which rows each of them has. */
export interface Clustered extends Clustering {
  /** `[rows]` cluster of each row. */
  readonly nearest: Uint32Array;
}

/** How to cluster. */
export interface ClusteringOptions {
  readonly clusters?: number;
  readonly seed: number;
  /** Bytes of the codes of a shard. */
  readonly shardBytes: number;
}

/** How many clusters there are for so many rows. */
export function clustersFor(rows: number): number {
  return Math.max(1, Math.min(Math.ceil(rows / 8), Math.round(CLUSTERS_PER_ROOT * Math.sqrt(rows))));
}

/** Whether clusters of an earlier build suit so many rows. */
export function suits(previous: Clustering, rows: number, clusters = clustersFor(rows)): boolean {
  const { count } = previous.table;
  return count > 0 && count <= clusters * KEEP_WITHIN && clusters <= count * KEEP_WITHIN;
}

/** Clusters rows anew. */
export function cluster(scanner: Scanner, vectors: VectorList, options: ClusteringOptions): Clustered {
  const { dimensions, length } = vectors;
  const count = Math.min(length, options.clusters ?? clustersFor(length));
  const random = randomNumbers(options.seed);
  const found = kMeans(scanner, vectors, count, random);
  const most = (MOST_TIMES_MEAN * length) / Math.max(1, count);
  const divided = divide(scanner, vectors, tableOf(found, dimensions), most, random);
  const order = orderClusters(divided.middles, dimensions);
  const middles = new Float32Array(divided.middles.length);
  for (const [i, at] of order.entries())
    middles.set(divided.middles.subarray(at * dimensions, (at + 1) * dimensions), i * dimensions);
  const rough = tableOf(middles, dimensions);
  const nearest = nearestOf(scanner, vectors, rough);
  const table = { ...rough, spread: spreadOf(vectors, rough, nearest) };
  return { table, nearest, shards: pack(countsOf(nearest, table.count), dimensions, options.shardBytes) };
}

/**
 * Clusters rows by the middles of an earlier build. Clusters stay where they are, so that shards without changed rows stay the same; those that
 * have become too large are divided.
 */
export function recluster(
  scanner: Scanner,
  vectors: VectorList,
  previous: Clustering,
  options: ClusteringOptions,
): Clustered {
  const { dimensions } = vectors;
  const most = (2 * MOST_TIMES_MEAN * vectors.length) / previous.table.count;
  const divided = divide(scanner, vectors, previous.table, most, randomNumbers(options.seed));
  const { range, spread } = previous.table;
  const isSame = divided.from.length === previous.table.count;
  const table = isSame ? previous.table : makeCentroidTable(divided.middles, dimensions, range, spread);
  const nearest = isSame ? divided.nearest : nearestOf(scanner, vectors, table);
  const shards = divided.from.map((cluster) => previous.shards[cluster]);
  const counts = countsOf(nearest, table.count);
  return { table, nearest, shards: repack(shards, counts, dimensions, options.shardBytes) };
}

/** Clusters of too many rows are divided; what they are divided into is in their place. */
function divide(
  scanner: Scanner,
  vectors: VectorList,
  table: CentroidTable,
  most: number,
  random: () => number,
): { middles: Float32Array; from: number[]; nearest: Uint32Array } {
  const { dimensions, values, count } = table;
  const nearest = nearestOf(scanner, vectors, table);
  const counts = countsOf(nearest, count);
  const pieces: Float32Array[] = [];
  const from: number[] = [];
  for (let cluster = 0; cluster < count; cluster++) {
    const whole = values.subarray(cluster * dimensions, (cluster + 1) * dimensions);
    const isLarge = counts[cluster] > most;
    const members = isLarge ? membersOf(vectors, nearest, cluster) : undefined;
    const parts = members ? kMeans(scanner, members, Math.ceil((2 * members.length) / most), random) : whole;
    pieces.push(parts);
    for (let i = 0; i < parts.length; i += dimensions) from.push(cluster);
  }
  const middles = new Float32Array(from.length * dimensions);
  let at = 0;
  for (const piece of pieces) {
    middles.set(piece, at);
    at += piece.length;
  }
  return { middles, from, nearest };
}

function membersOf(vectors: VectorList, nearest: Uint32Array, cluster: number): VectorList {
  const members = new VectorList(vectors.dimensions);
  for (let row = 0; row < nearest.length; row++) if (nearest[row] === cluster) members.push(vectors.at(row));
  return members;
}

function tableOf(middles: Float32Array, dimensions: number): CentroidTable {
  let range = 0;
  for (let i = 0; i < middles.length; i++) range = Math.max(range, Math.abs(middles[i]));
  const spread = new Float32Array(dimensions).fill(1);
  return makeCentroidTable(middles, dimensions, Math.min(1, range || 1), spread);
}

function nearestOf(scanner: Scanner, vectors: VectorList, table: CentroidTable): Uint32Array {
  const nearest = new Uint32Array(vectors.length);
  if (table.count === 0) return nearest;
  const centroids = Centroids.of(scanner, table.values, table.dimensions);
  centroids.assign(vectors, undefined, nearest);
  centroids.dispose();
  return nearest;
}

/** Root of the mean square of what rows differ from their middles, dimension by dimension. */
function spreadOf(vectors: VectorList, table: CentroidTable, nearest: Uint32Array): Float32Array {
  const { dimensions, values } = table;
  const squares = new Float64Array(dimensions);
  for (let row = 0; row < vectors.length; row++) {
    const vector = vectors.at(row);
    const from = nearest[row] * dimensions;
    for (let i = 0; i < dimensions; i++) squares[i] += (vector[i] - values[from + i]) ** 2;
  }
  return Float32Array.from(squares, (sum) =>
    Math.max(LEAST_SPREAD, Math.sqrt(sum / Math.max(1, vectors.length))),
  );
}

function countsOf(nearest: Uint32Array, clusters: number): Uint32Array {
  const counts = new Uint32Array(clusters);
  for (let row = 0; row < nearest.length; row++) counts[nearest[row]]++;
  return counts;
}

/** Clusters into shards, in their order. */
function pack(counts: Uint32Array, dimensions: number, shardBytes: number): number[] {
  return divideShards(new Array(counts.length).fill(0), counts, dimensions, shardBytes, shardBytes);
}

/** Shards of more than twice the bytes are divided; the others stay as they are. */
function repack(
  shards: readonly number[],
  counts: Uint32Array,
  dimensions: number,
  shardBytes: number,
): number[] {
  return divideShards(shards, counts, dimensions, shardBytes, 2 * shardBytes);
}

/** Divides shards of more than `most` bytes into some of about `wanted` bytes. */
function divideShards(
  shards: readonly number[],
  counts: Uint32Array,
  dimensions: number,
  wanted: number,
  most: number,
): number[] {
  const bytesOf = (cluster: number) => clusterBytes(dimensions, counts[cluster]);
  const sizes = new Map<number, number>();
  for (const [cluster, shard] of shards.entries())
    sizes.set(shard, (sizes.get(shard) ?? 0) + bytesOf(cluster));
  const divided: number[] = [];
  let shard = -1;
  let bytes = 0;
  for (let cluster = 0; cluster < shards.length; cluster++) {
    const size = sizes.get(shards[cluster])!;
    const part = size > most ? size / Math.ceil(size / wanted) : size;
    const isNext = cluster === 0 || shards[cluster] !== shards[cluster - 1];
    if (isNext || (size > most && bytes > 0 && bytes + bytesOf(cluster) / 2 > part)) {
      shard++;
      bytes = 0;
    }
    bytes += bytesOf(cluster);
    divided.push(shard);
  }
  return divided;
}
