import { clusterBytes } from './cluster-codes.ts';
import { corruptShards, laterVersion } from './corrupt.ts';
import type { Manifest } from './manifest.ts';

/**
 * Where clusters lie, little-endian:
 *
 * ```
 *  u32   magic "STCL"
 *  u32   version
 *  u32   clusters
 *  u32   0
 *  u32   [clusters, 5] number of the shard, where its codes begin, rows, where its records begin, CRC-32 of its codes
 * ```
 */
const MAGIC = 0x4c435453;
const VERSION = 1;
const HEADER_BYTES = 16;
const WORDS = 5;

/** Where a cluster lies. */
export interface ClusterPlace {
  /** Number of its shard. */
  readonly shard: number;
  /** Where its codes begin in the shard's file of codes. */
  readonly start: number;
  readonly rows: number;
  /** Where its records begin in the shard's file of records; they follow each other in the order of its rows. */
  readonly records: number;
  /** CRC-32 of its codes. */
  readonly crc: number;
}

export function writeClusters(places: readonly ClusterPlace[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + 4 * WORDS * places.length);
  const view = new DataView(bytes.buffer);
  const words = [MAGIC, VERSION, places.length, 0];
  for (const { shard, start, rows, records, crc } of places) words.push(shard, start, rows, records, crc);
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i], true);
  return bytes;
}

/** @throws SternaError `corrupt-file`, also where a cluster is not inside its shard. */
export function readClusters(bytes: Uint8Array, manifest: Manifest): ClusterPlace[] {
  const { name } = manifest.clusters;
  if (bytes.length < HEADER_BYTES) throw corruptShards(name, `it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (i: number) => view.getUint32(4 * i, true);
  if (word(0) !== MAGIC) throw corruptShards(name, 'it does not begin as a list of clusters does');
  if (word(1) > VERSION) throw laterVersion(name, word(1), VERSION);
  const count = word(2);
  if (bytes.length !== HEADER_BYTES + 4 * WORDS * count) throw corruptShards(name, 'its sizes do not add up');
  const places: ClusterPlace[] = [];
  let rows = 0;
  for (let i = 0; i < count; i++) {
    const at = HEADER_BYTES / 4 + WORDS * i;
    const place = {
      shard: word(at),
      start: word(at + 1),
      rows: word(at + 2),
      records: word(at + 3),
      crc: word(at + 4),
    };
    rows += place.rows;
    if (!isInside(place, manifest)) throw corruptShards(name, `cluster ${i} is not inside its shard`);
    places.push(place);
  }
  if (rows !== manifest.rows)
    throw corruptShards(name, `its clusters have ${rows} rows and search.json ${manifest.rows}`);
  return places;
}

function isInside({ shard, start, rows, records }: ClusterPlace, manifest: Manifest): boolean {
  const files = manifest.shards[shard];
  if (!files) return rows === 0 && shard === 0;
  return (
    start + clusterBytes(manifest.dimensions, rows) <= files.codes.bytes && records <= files.records.bytes
  );
}
