import { beforeAll, describe, expect, test } from 'vitest';
import { crc32 } from '../crc32.ts';
import { SternaError } from '../errors.ts';
import { readCentroids } from './centroid-file.ts';
import { readClusters } from './cluster-file.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { randomNumbers } from './random.ts';
import { readRecord, writePassage, writeRecord } from './record.ts';
import { ShardedIndex } from './sharded-index.ts';
import { HEADER, passagesOf, publish } from './testing/collection.ts';

const rows = passagesOf(60);
const query = rows[7].vector!;
let files: Map<string, Uint8Array>;
let manifest: Manifest;
beforeAll(async () => {
  files = (await publish(rows)).files;
  manifest = readManifest(files.get('search.json')!);
});

/** Some bytes changed, cut off, put in or doubled. */
function mutated(bytes: Uint8Array, random: () => number): Uint8Array<ArrayBuffer> {
  const at = Math.floor(random() * bytes.length);
  const choice = random();
  if (choice < 0.1) return bytes.slice(0, at);
  if (choice < 0.2) return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at - (at % 7))]);
  const changed = bytes.slice();
  const changes = 1 + Math.floor(random() * 4);
  for (let i = 0; i < changes; i++) {
    // Half of the changes are where headers and first fields are.
    const place = Math.floor(random() * (random() < 0.5 ? Math.min(64, changed.length) : changed.length));
    changed[place] = random() < 0.3 ? [0, 0x7f, 0x80, 0xff][Math.floor(4 * random())] : 256 * random();
  }
  return changed;
}

/** Every read gives something, or refuses with `corrupt-file`. @returns how many refused. */
function fuzz(count: number, bytes: Uint8Array, read: (bytes: Uint8Array<ArrayBuffer>) => unknown): number {
  const random = randomNumbers(bytes.length);
  let refused = 0;
  for (let i = 0; i < count; i++) {
    try {
      read(mutated(bytes, random));
    } catch (error) {
      if (!(error instanceof SternaError) || error.code !== 'corrupt-file') throw error;
      refused++;
    }
  }
  return refused;
}

/** Serves from memory. */
function indexOf(served: ReadonlyMap<string, Uint8Array>): Promise<ShardedIndex> {
  return ShardedIndex.open('http://localhost/search', {
    fetch: async (address, { headers }) => {
      const file = served.get(address.split('/').at(-1)!);
      if (!file) return new Response(null, { status: 404 });
      const [, from, to] = /=(\d+)-(\d+)/.exec(headers.Range ?? '') ?? [];
      if (from === undefined) return new Response(file.slice());
      return new Response(file.slice(Number(from), Number(to) + 1), { status: 206 });
    },
  });
}

describe('files from elsewhere', () => {
  test('search.json is read or refused, whatever is in it', () => {
    expect(fuzz(40_000, files.get('search.json')!, readManifest)).toBeGreaterThan(20_000);
  });

  test('centroids are read or refused', () => {
    const bytes = files.get(manifest.centroids.name)!;
    expect(fuzz(20_000, bytes, (changed) => readCentroids('it', changed, 64))).toBeGreaterThan(4000);
  });

  test('places of clusters are read or refused', () => {
    const bytes = files.get(manifest.clusters.name)!;
    expect(fuzz(20_000, bytes, (changed) => readClusters(changed, manifest))).toBeGreaterThan(10_000);
  });

  test('records are read or refused, also those whose checksum is right', () => {
    const bytes = writeRecord(query, writePassage(rows[7]));
    const refused = fuzz(20_000, bytes, (changed) => {
      if (changed.length > 4) new DataView(changed.buffer).setUint32(0, crc32(changed.subarray(4)), true);
      return readRecord('it', changed, query);
    });
    expect(refused).toBeGreaterThan(2000);
  });

  test('a search finds what it found before, or refuses, whatever is damaged of any file', async () => {
    const { hits } = await (await indexOf(files)).search(query);
    const random = randomNumbers(3);
    const names = [...files.keys()].filter((name) => name !== 'search.json');
    for (let i = 0; i < 2000; i++) {
      const name = names[i % names.length];
      const damaged = new Map(files).set(name, mutated(files.get(name)!, random));
      try {
        const index = await indexOf(damaged);
        expect((await index.search(query)).hits).toEqual(hits);
      } catch (error) {
        expect(error).toMatchObject({ code: 'corrupt-file' });
      }
    }
  });

  test('codes with the right checksum give some hits, or are refused', async () => {
    const random = randomNumbers(4);
    const [{ codes }] = manifest.shards;
    for (let i = 0; i < 1000; i++) {
      const shard = files.get(codes.name)!.slice();
      for (let n = 0; n < 8; n++) shard[Math.floor(random() * shard.length)] = 256 * random();
      const served = new Map(files).set(codes.name, shard);
      resign(served, shard);
      try {
        const { hits } = await (await indexOf(served)).search(query);
        expect(hits.every(({ score }) => Number.isFinite(score))).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'corrupt-file' });
      }
    }
  });

  test('a later version is refused with the advice to update', () => {
    const json = new TextDecoder().decode(files.get('search.json'));
    const later = new TextEncoder().encode(json.replace('"version": 1', '"version": 2'));
    expect(() => readManifest(later)).toThrow(/update the library/);
    for (const [name, read] of [
      [manifest.centroids.name, (bytes: Uint8Array) => readCentroids('it', bytes, HEADER.dimensions)],
      [manifest.clusters.name, (bytes: Uint8Array) => readClusters(bytes, manifest)],
    ] as const) {
      const bytes = files.get(name)!.slice();
      bytes[4] = 2;
      expect(() => read(bytes)).toThrow(/update the library/);
    }
  });

  test('names lead to no other folder', () => {
    const json = new TextDecoder().decode(files.get('search.json'));
    const elsewhere = json.replace(manifest.centroids.name, '../../secret.bin');
    expect(() => readManifest(new TextEncoder().encode(elsewhere))).toThrow(/centroids/);
  });

  test('a body without end is not read to its end', async () => {
    let given = 0;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            given += 2 ** 20;
            controller.enqueue(new Uint8Array(2 ** 20));
          },
        }),
      );
    const opening = ShardedIndex.open('http://localhost/', { fetch: async () => endless() });
    await expect(opening).rejects.toMatchObject({ code: 'corrupt-file' });
    expect(given).toBeLessThan(2 ** 25);
  });
});

/** Writes the checksums of a changed first shard into the places of its clusters, and theirs into search.json. */
function resign(served: Map<string, Uint8Array>, shard: Uint8Array): void {
  const places = readClusters(files.get(manifest.clusters.name)!, manifest);
  const bytes = files.get(manifest.clusters.name)!.slice();
  const view = new DataView(bytes.buffer);
  for (const [i, { start, rows: count }] of places.entries()) {
    // 64 dimensions are 32 bytes; scale and length of the record are 8.
    view.setUint32(16 + 20 * i + 16, crc32(shard.subarray(start, start + 40 * count)), true);
  }
  served.set(manifest.clusters.name, bytes);
  const json = JSON.parse(new TextDecoder().decode(files.get('search.json')));
  json.clusters.crc = crc32(bytes);
  served.set('search.json', new TextEncoder().encode(JSON.stringify(json)));
}
