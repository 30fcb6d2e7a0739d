import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteCache } from './byte-cache.ts';
import { clusterBytes } from './cluster-codes.ts';
import { bestRows, clustersToRead } from './probe.ts';

describe('the clusters that a query reads', () => {
  test('are the nearest ones that fit, without empty ones, and one at least', () => {
    const clusters = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.nat(5)), { maxLength: 20 });
    fc.assert(
      fc.property(clusters, fc.integer({ min: 1, max: 9 }), fc.nat(2000), (list, probes, bytes) => {
        const read = clustersToRead(
          Float64Array.from(list, ([score]) => score),
          (cluster) => list[cluster][1],
          64,
          probes,
          bytes,
        );
        const full = list.map(([score, rows], at) => ({ score, rows, at })).filter(({ rows }) => rows > 0);
        full.sort((a, b) => b.score - a.score || a.at - b.at);
        expect(read).toEqual(full.slice(0, read.length).map(({ at }) => at));
        expect(read.length).toBeLessThanOrEqual(probes);
        const sizes = full.map(({ rows }) => clusterBytes(64, rows));
        const sum = (count: number) => sizes.slice(0, count).reduce((all, size) => all + size, 0);
        if (read.length > 1) expect(sum(read.length)).toBeLessThanOrEqual(bytes);
        if (read.length < Math.min(probes, full.length)) expect(sum(read.length + 1)).toBeGreaterThan(bytes);
        expect(read.length > 0).toBe(full.length > 0);
      }),
    );
  });
});

test('the best rows are told by cluster and row, the first of equal ones first', () => {
  const { clusters, rows } = bestRows(Float64Array.of(1, 5, 5, 9, 0), [2, 0, 3], 3);
  expect([...clusters]).toEqual([2, 0, 2]);
  expect([...rows]).toEqual([1, 1, 0]);
});

test('a cache keeps what was used last, and no more than it may', () => {
  const cache = new ByteCache(10);
  for (const key of ['a', 'b', 'c']) cache.set(key, new Uint8Array(4));
  expect(cache.get('a')).toBeUndefined();
  expect(cache.get('b')).toBeDefined();
  cache.set('d', new Uint8Array(4));
  expect(cache.get('c')).toBeUndefined();
  expect(cache.get('b')).toBeDefined();
  cache.set('large', new Uint8Array(11));
  expect(cache.get('large')).toBeUndefined();
  cache.delete('b');
  cache.set('e', new Uint8Array(6));
  expect(cache.get('d')).toBeDefined();
});
