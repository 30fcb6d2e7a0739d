import { clusterBytes } from './cluster-codes.ts';

/** Passages whose records are read to find the best `k` of them: codes of 4 bits put them in order only roughly. */
export function candidatesFor(k: number): number {
  return 2 * k + 10;
}

/** Bytes that are left for codes where records of a mean size are to be read as well; at least half. */
export function bytesForCodes(maxBytes: number, k: number, meanRecordBytes: number): number {
  return Math.max(maxBytes / 2, maxBytes - candidatesFor(k) * meanRecordBytes);
}

/**
 * The clusters that a query reads: the nearest ones, as many as are asked for and fit, but one at least. Empty ones are left out. The first one
 * that does not fit ends the list, so that more bytes never mean other clusters.
 *
 * @param scores - `[clusters]` cosines of the query and their middles.
 * @param rows - of a cluster.
 */
export function clustersToRead(
  scores: Float64Array,
  rows: (cluster: number) => number,
  dimensions: number,
  probes: number,
  bytes: number,
): number[] {
  const order = new Uint32Array(scores.length).map((_, i) => i);
  order.sort((a, b) => scores[b] - scores[a] || a - b);
  const chosen: number[] = [];
  let left = bytes;
  for (let i = 0; i < order.length && chosen.length < probes; i++) {
    const count = rows(order[i]);
    if (count === 0) continue;
    left -= clusterBytes(dimensions, count);
    if (left < 0 && chosen.length > 0) break;
    chosen.push(order[i]);
  }
  return chosen;
}

/** Rows with their scores, best first; of equal ones the first cluster's first row. */
export interface RankedRows {
  /** `[found]` place in the list of clusters. */
  readonly clusters: Uint32Array;
  readonly rows: Uint32Array;
}

/**
 * The best rows of some clusters.
 *
 * @param scores - of all rows of the clusters, one cluster after another.
 * @param counts - rows of each cluster.
 */
export function bestRows(scores: Float64Array, counts: readonly number[], most: number): RankedRows {
  const order = new Uint32Array(scores.length).map((_, i) => i);
  order.sort((a, b) => scores[b] - scores[a] || a - b);
  const found = order.subarray(0, most);
  const clusters = new Uint32Array(found.length);
  const rows = new Uint32Array(found.length);
  const starts = [0];
  for (const count of counts) starts.push(starts.at(-1)! + count);
  for (let i = 0; i < found.length; i++) {
    let at = counts.length - 1;
    while (starts[at] > found[i]) at--;
    clusters[i] = at;
    rows[i] = found[i] - starts[at];
  }
  return { clusters, rows };
}
