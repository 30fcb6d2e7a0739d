import { afterEach, describe, expect, test } from 'vitest';
import { randomVectors } from '../index/testing/vectors.ts';
import { type ShardedHit, ShardedIndex, type ShardedResult } from './sharded-index.ts';
import { HEADER, naive, passagesOf, publish } from './testing/collection.ts';
import { type RangeSupport, type StaticHost, serve } from './testing/static-host.ts';

const rows = passagesOf(1500);
const published = await publish(rows, { shardBytes: 8192 });
const queries = Array.from({ length: 30 }, (_, i) => randomVectors(30, 64, 9).subarray(64 * i, 64 * (i + 1)));
/** Like passages: near one, and nobody's own. */
const near = queries.map((query, i) => rows[47 * i].vector!.map((x, d) => x + 0.5 * query[d]));

const hosts: StaticHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

async function host(files = published.files, support?: RangeSupport): Promise<StaticHost> {
  const made = await serve(new Map(files), support);
  hosts.push(made);
  return made;
}

function keysOf(hits: readonly ShardedHit[]): string[] {
  return hits.map(({ id, passage }) => `${id} ${passage}`);
}

/** Scores of 8 bits are within this of exact ones. */
const NEAR = 0.004;

/** Whether hits are the nearest ones, up to passages that are equally near but for the rounding of codes. */
function expectNearest({ hits }: ShardedResult, expected: { key: string; score: number }[]): void {
  expect(hits.length).toBe(expected.length);
  for (const [i, { score }] of hits.entries()) expect(Math.abs(score - expected[i].score)).toBeLessThan(NEAR);
  const last = expected.at(-1)!.score;
  const sure = expected.filter(({ score }) => score > last + NEAR).map(({ key }) => key);
  expect(keysOf(hits)).toEqual(expect.arrayContaining(sure));
}

describe('an index on a static host', () => {
  test('finds what a loop over all passages finds, where all clusters are read', async () => {
    const index = await ShardedIndex.open((await host()).address);
    for (const query of [...queries, ...near]) {
      const result = await index.search(query, { k: 7, probes: Number.POSITIVE_INFINITY, maxBytes: 1e9 });
      expect(result.rows).toBe(rows.length);
      expectNearest(result, naive(rows, query, 7));
    }
  });

  test('finds what a loop over the passages of the clusters finds that it reads', async () => {
    const index = await ShardedIndex.open((await host()).address);
    for (const query of near) {
      const most = { probes: 3, maxBytes: 1e9 };
      const all = await index.search(query, { ...most, k: 1000 });
      expect(all.clusters).toBe(3);
      expect(all.hits.length).toBe(all.rows);
      const read = new Set(keysOf(all.hits));
      const inThem = rows.filter(({ id, passage }) => read.has(`${id} ${passage}`));
      expectNearest(await index.search(query, { ...most, k: 5 }), naive(inThem, query, 5));
    }
  });

  test('finds most of the nearest passages by reading a small part of the index', async () => {
    const server = await host();
    const index = await ShardedIndex.open(server.address);
    let found = 0;
    for (const query of near) {
      const nearest = new Set(naive(rows, query, 10).map(({ key }) => key));
      const { hits } = await index.search(query);
      found += keysOf(hits).filter((key) => nearest.has(key)).length;
    }
    expect(found / (10 * near.length)).toBeGreaterThanOrEqual(0.95);
    expect(index.recall).toBeGreaterThanOrEqual(0.95);
  });

  test('gives back passages as they were, with text and metadata', async () => {
    const index = await ShardedIndex.open((await host()).address);
    const { vector, ...passage } = rows[1234];
    const { hits } = await index.search(vector!, { k: 1 });
    const { score, ...hit } = hits[0];
    expect(hit).toEqual(passage);
    expect(score).toBeCloseTo(1, 3);
  });

  test('says of which space, model and size it is', async () => {
    const index = await ShardedIndex.open((await host()).address);
    expect(index).toMatchObject({
      space: HEADER.space,
      dimensions: 64,
      model: 'nano',
      passageCount: 1500,
      documentCount: 500,
    });
  });

  test('reads no more than it may, and says how much it read', async () => {
    const server = await host();
    for (const query of near) {
      const index = await ShardedIndex.open(server.address);
      const before = server.log.length;
      const { bytes, requests } = await index.search(query, { probes: 1000, maxBytes: 20_000 });
      const log = server.log.slice(before);
      expect(bytes).toBe(log.reduce((sum, one) => sum + one.bytes, 0));
      expect(requests).toBe(log.length);
      // What lies between ranges that are read as one comes along.
      expect(bytes).toBeLessThanOrEqual(20_000 + 1024 * requests * 10);
    }
  });

  test('reads nothing twice', async () => {
    const index = await ShardedIndex.open((await host()).address);
    const first = await index.search(near[0]);
    const second = await index.search(near[0]);
    expect(first.bytes).toBeGreaterThan(0);
    expect(second).toMatchObject({ bytes: 0, requests: 0 });
    expect(second.hits).toEqual(first.hits);
  });

  test('works on a server that knows no ranges, which is asked for each file once', async () => {
    const [ranges, wholes] = [await host(), await host(published.files, 'whole files')];
    const [one, other] = [await ShardedIndex.open(ranges.address), await ShardedIndex.open(wholes.address)];
    for (const query of near)
      expect((await other.search(query)).hits).toEqual((await one.search(query)).hits);
    const names = wholes.log.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('finds nothing for k = 0, and all there is for a k that is larger', async () => {
    const index = await ShardedIndex.open((await host((await publish(rows.slice(0, 7))).files)).address);
    expect((await index.search(near[0], { k: 0 })).hits).toEqual([]);
    expect((await index.search(near[0], { k: 50, probes: 100 })).hits.length).toBe(7);
  });

  test('is empty where there are no passages', async () => {
    const index = await ShardedIndex.open((await host((await publish([])).files)).address);
    expect(await index.search(near[0])).toMatchObject({ hits: [], clusters: 0 });
  });

  test('refuses vectors and options that it cannot take', async () => {
    const index = await ShardedIndex.open((await host()).address);
    await expect(index.search(new Float32Array(3))).rejects.toMatchObject({ code: 'invalid-vector' });
    for (const options of [{ k: -1 }, { k: 1.5 }, { k: 1001 }, { probes: 0 }, { maxBytes: Number.NaN }])
      await expect(index.search(near[0], options)).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(ShardedIndex.open('no address')).rejects.toMatchObject({ code: 'invalid-input' });
  });

  test('stops when it is aborted', async () => {
    const server = await host();
    await expect(ShardedIndex.open(server.address, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const controller = new AbortController();
    const index = await ShardedIndex.open(server.address, {
      fetch: (address, init) => {
        if (address.includes('shard-')) controller.abort();
        return fetch(address, init);
      },
    });
    await expect(index.search(near[0], { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect((await index.search(near[0])).hits.length).toBe(10);
  });

  test('says so where there is no server, or one with an error', async () => {
    const server = await host();
    await server.close();
    await expect(ShardedIndex.open(server.address)).rejects.toMatchObject({ code: 'network' });
    const failing = { fetch: async () => new Response('', { status: 503 }) };
    await expect(ShardedIndex.open(server.address, failing)).rejects.toMatchObject({ code: 'network' });
  });
});

describe('an index that is published anew', () => {
  const others = passagesOf(1500, 2);

  test('goes on with the new build where files of the old one are gone', async () => {
    const server = await host();
    const index = await ShardedIndex.open(server.address);
    const next = await publish(others);
    server.files.clear();
    for (const [name, bytes] of next.files) server.files.set(name, bytes);
    const { hits } = await index.search(others[5].vector!, { k: 1 });
    expect(keysOf(hits)).toEqual([`${others[5].id} ${others[5].passage}`]);
    expect((await index.search(others[8].vector!, { k: 1 })).hits[0].id).toBe(others[8].id);
  });

  test('says so where a file is gone and search.json still refers to it', async () => {
    const server = await host();
    const index = await ShardedIndex.open(server.address);
    for (const name of server.files.keys()) if (name.startsWith('shard-')) server.files.delete(name);
    await expect(index.search(near[0])).rejects.toMatchObject({ code: 'source-changed' });
    for (const name of server.files.keys()) if (name.startsWith('centroids-')) server.files.delete(name);
    await expect(ShardedIndex.open(server.address)).rejects.toMatchObject({ code: 'source-changed' });
  });

  test('says so where the new build is of another space', async () => {
    const server = await host();
    const index = await ShardedIndex.open(server.address);
    const json = new TextDecoder().decode(server.files.get('search.json'));
    for (const name of server.files.keys()) if (name.startsWith('shard-')) server.files.delete(name);
    server.files.set('search.json', new TextEncoder().encode(json.replace('nano@', 'other@')));
    await expect(index.search(near[0])).rejects.toThrow(/other@/);
  });
});
