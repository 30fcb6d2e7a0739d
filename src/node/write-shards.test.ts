import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ShardedIndex } from '../shards/index.ts';
import { HEADER, passagesOf } from '../shards/testing/collection.ts';
import { serve } from '../shards/testing/static-host.ts';
import { hasShards, writeShards } from './write-shards.ts';

const rows = passagesOf(90);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sterna-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a folder that was written is searched as it is', async () => {
  const place = join(folder, 'public/search');
  expect(hasShards(place)).toBe(false);
  await writeShards(rows, HEADER, place);
  expect(hasShards(place)).toBe(true);
  const files = new Map(
    readdirSync(place).map((name) => [name, new Uint8Array(readFileSync(join(place, name)))]),
  );
  const host = await serve(files);
  const index = await ShardedIndex.open(host.address);
  expect((await index.search(rows[40].vector!, { k: 1 })).hits[0]).toMatchObject({ id: rows[40].id });
  await host.close();
});

test('an update writes what has changed, and removes what nothing refers to any more', async () => {
  writeFileSync(join(folder, 'index.html'), 'a page');
  await writeShards(rows, HEADER, folder, { shardBytes: 512 });
  const before = readdirSync(folder);
  const changed = rows.map((row, i) => (i === 40 ? { ...row, text: 'other text' } : row));
  const report = await writeShards(changed, HEADER, folder, { shardBytes: 512 });
  // The records of one shard, the list of clusters where lengths of records have changed, and search.json.
  expect(report.isUpdate).toBe(true);
  expect(report.written.length).toBeLessThanOrEqual(4);
  const after = readdirSync(folder);
  expect(after.length).toBe(before.length);
  expect(after).toContain('index.html');
  for (const name of report.obsolete) expect(after).not.toContain(name);
});

test('a folder that cannot be written is said to be so', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(writeShards(rows, HEADER, join(folder, 'file/search'))).rejects.toMatchObject({
    code: 'storage',
  });
});
