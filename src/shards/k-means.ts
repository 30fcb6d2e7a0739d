import type { Scanner } from '../index/scan/scanner.ts';
import { Centroids } from './centroids.ts';
import { randomRows } from './random.ts';
import type { VectorList } from './vector-list.ts';

/** Rows for each cluster that the middles are found by; more of them change little. */
const SAMPLE_PER_CLUSTER = 40;
const ROUNDS = 10;

/**
 * Spherical k-means on a sample of the rows: middles of unit length, each the direction of the sum of the rows that are nearer to it than to any
 * other one. The same seed gives the same middles.
 *
 * @param random - see `randomNumbers`.
 * @returns `[clusters, dimensions]`.
 */
export function kMeans(
  scanner: Scanner,
  vectors: VectorList,
  clusters: number,
  random: () => number,
): Float32Array {
  const { dimensions } = vectors;
  const sample = randomRows(vectors.length, clusters * SAMPLE_PER_CLUSTER, random);
  let middles = new Float32Array(clusters * dimensions);
  for (const [i, at] of randomRows(sample.length, clusters, random).entries())
    middles.set(vectors.at(sample[at]), i * dimensions);
  const nearest = new Uint32Array(sample.length);
  for (let round = 0; round < ROUNDS; round++) {
    const centroids = Centroids.of(scanner, middles, dimensions);
    centroids.assign(vectors, sample, nearest);
    centroids.dispose();
    middles = middlesOf(vectors, sample, nearest, clusters, random);
  }
  return middles;
}

/** The direction of the sum of each cluster; an empty one gets a row of the largest. */
function middlesOf(
  vectors: VectorList,
  rows: Uint32Array,
  nearest: Uint32Array,
  clusters: number,
  random: () => number,
): Float32Array<ArrayBuffer> {
  const { dimensions } = vectors;
  const sums = new Float32Array(clusters * dimensions);
  const counts = new Uint32Array(clusters);
  for (let i = 0; i < rows.length; i++) {
    counts[nearest[i]]++;
    addTo(sums, nearest[i] * dimensions, vectors.at(rows[i]));
  }
  for (let cluster = 0; cluster < clusters; cluster++) {
    const middle = sums.subarray(cluster * dimensions, (cluster + 1) * dimensions);
    if (!normalise(middle)) middle.set(vectors.at(rowOfLargest(rows, nearest, counts, random)));
  }
  return sums;
}

function rowOfLargest(
  rows: Uint32Array,
  nearest: Uint32Array,
  counts: Uint32Array,
  random: () => number,
): number {
  const largest = counts.indexOf(counts.reduce((most, count) => Math.max(most, count), 0));
  let left = Math.floor(random() * counts[largest]);
  // The next empty cluster takes from another one, as soon as this one is no longer the largest.
  counts[largest] >>= 1;
  let found = 0;
  for (let i = 0; i < rows.length && left >= 0; i++) {
    if (nearest[i] !== largest) continue;
    found = rows[i];
    left--;
  }
  return found;
}

function addTo(sums: Float32Array, at: number, vector: Float32Array): void {
  for (let i = 0; i < vector.length; i++) sums[at + i] += vector[i];
}

/** Scales a vector to unit length. @returns whether it has a direction. */
export function normalise(vector: Float32Array): boolean {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i] * vector[i];
  if (!(squares > 0)) return false;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] *= scale;
  return true;
}
