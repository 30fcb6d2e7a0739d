import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildShards } from './build-shards.ts';
import { readManifest } from './manifest.ts';
import { HEADER, passagesOf, publish } from './testing/collection.ts';

const rows = passagesOf(1500);
const shardBytes = 4096;
const published = await publish(rows, { shardBytes });

function shardsOf(files: ReadonlyMap<string, Uint8Array>): string[] {
  const { shards } = readManifest(files.get('search.json')!);
  return shards.flatMap(({ codes, records }) => [codes.name, records.name]);
}

describe('building shards', () => {
  test('gives the same bytes for the same passages, in whatever order they come', async () => {
    const again = await publish(rows.toReversed(), { shardBytes });
    expect([...again.files]).toEqual([...published.files]);
  });

  test('gives search.json last, and names all other files by their content', () => {
    expect(published.report.written.at(-1)).toBe('search.json');
    for (const name of published.report.written.slice(0, -1))
      expect(name).toMatch(/^(shard|records|centroids|clusters)-[0-9a-f]{16}\.bin$/);
  });

  test('makes shards of about the size that is asked for', () => {
    const sizes = readManifest(published.files.get('search.json')!).shards.map(({ codes }) => codes.bytes);
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThan(3 * shardBytes);
  });

  test('writes search.json alone where nothing has changed', async () => {
    const { report } = await publish(rows, { shardBytes }, published.files);
    expect(report).toMatchObject({ isUpdate: true, written: ['search.json'], obsolete: [] });
  });

  test('keeps all shards but those of passages that have changed, whichever these are', async () => {
    const before = new Set(shardsOf(published.files));
    const changes = fc.array(fc.record({ at: fc.nat(rows.length - 1), how: fc.nat(2) }), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(), async (list, seed) => {
        const others = passagesOf(5, seed);
        const changed = [...rows];
        for (const [i, { at, how }] of list.entries()) {
          if (how === 0) changed[at] = { ...rows[at], text: `other text ${seed}` };
          else if (how === 1) changed[at] = { ...rows[at], vector: others[i].vector };
          else changed.push({ ...others[i], id: `new ${i}` });
        }
        const { files, report } = await publish(changed, { shardBytes }, published.files);
        const fresh = shardsOf(files).filter((name) => !before.has(name));
        // A passage that moves changes the codes and the records of two shards.
        expect(fresh.length).toBeLessThanOrEqual(4 * list.length);
        expect(report.isUpdate).toBe(true);
        expect(report.kept).toContain(readManifest(files.get('search.json')!).centroids.name);
        for (const name of shardsOf(files)) expect(files.has(name)).toBe(true);
      }),
      { numRuns: 8 },
    );
  });

  test('divides clusters and shards that have become too large', async () => {
    const crowd = passagesOf(1500).map((row, i) => ({
      ...row,
      id: `crowd ${i}`,
      vector: rows[0].vector!.map((x, d) => x + 0.3 * row.vector![d]),
    }));
    const { report, files } = await publish([...rows, ...crowd], { shardBytes }, published.files);
    expect(report.isUpdate).toBe(true);
    expect(report.clusters).toBeGreaterThan(published.report.clusters);
    const sizes = readManifest(files.get('search.json')!).shards.map(({ codes }) => codes.bytes);
    expect(Math.max(...sizes)).toBeLessThan(8 * shardBytes);
  });

  test('begins anew for another space, another size, and a build that is damaged', async () => {
    const other = await publish(rows.slice(0, 60), {}, published.files);
    expect(other.report.isUpdate).toBe(false);
    const damaged = new Map(published.files);
    for (const [name, bytes] of damaged)
      if (name.startsWith('centroids-'))
        damaged.set(
          name,
          bytes.map((byte, i) => (i === 99 ? byte ^ 1 : byte)),
        );
    expect((await publish(rows, { shardBytes }, damaged)).report.isUpdate).toBe(false);
    const report = await buildShards(
      rows,
      { ...HEADER, space: 'other' },
      { previous: async (name) => published.files.get(name) },
      () => {},
    );
    expect(report.isUpdate).toBe(false);
  });

  test('leaves out passages without vectors, and says how many', async () => {
    const { report } = await publish(
      rows.slice(0, 60).map((row, i) => (i % 4 ? row : { ...row, vector: undefined })),
    );
    expect(report).toMatchObject({ rows: 45, skipped: 15 });
  });

  test('takes passages that are all alike', async () => {
    const alike = rows.slice(0, 300).map((row) => ({ ...row, vector: rows[0].vector }));
    expect((await publish(alike)).report).toMatchObject({ rows: 300, recall: expect.any(Number) });
  });

  test('refuses passages and options that it cannot take', async () => {
    const twice = publish([rows[0], rows[0]]);
    await expect(twice).rejects.toMatchObject({ code: 'duplicate-id' });
    const zeros = publish([{ ...rows[0], vector: new Float32Array(64) }]);
    await expect(zeros).rejects.toMatchObject({ code: 'invalid-vector' });
    for (const options of [{ clusters: 0 }, { shardBytes: -1 }, { maxBytes: Number.NaN }, { recall: 2 }])
      await expect(publish(rows, options)).rejects.toMatchObject({ code: 'invalid-input' });
  });
});
