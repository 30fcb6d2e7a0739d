import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VectorIndex } from '../index/vector-index.ts';
import { toArrow } from './arrow.ts';
import { fromParquet, toParquet } from './parquet.ts';
import { bytesOf, HEADER, random, sampleRows, vectorOf } from './testing/sample.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/lancedb/import.mjs', import.meta.url));
const DIMENSIONS = 64;
const header = { ...HEADER, dimensions: DIMENSIONS };

describe('an export in LanceDB', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sterna-lancedb-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const index = new VectorIndex({ dimensions: DIMENSIONS });
  // Several batches of the export.
  for (const { id, passage, vector } of sampleRows(2500, DIMENSIONS)) index.add(`${id}#${passage}`, vector!);
  const next = random(3);
  const queries = Array.from({ length: 20 }, () => vectorOf(DIMENSIONS, next));

  async function searched(name: string, bytes: Uint8Array) {
    const file = join(folder, `${name}.arrow`);
    const list = join(folder, 'queries.json');
    await writeFile(file, bytes);
    await writeFile(list, JSON.stringify(queries.map((query) => [...query])));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      EXAMPLE,
      file,
      join(folder, name),
      list,
    ]);
    expect(stderr).toContain(`${index.size} passages in`);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; passage: number; score: number }[]);
  }

  function expectSame(found: Awaited<ReturnType<typeof searched>>) {
    expect(found.length).toBe(queries.length);
    for (const [i, query] of queries.entries()) {
      const exact = index.search(query, { k: 10 });
      expect(found[i].map(({ id, passage }) => `${id}#${passage}`)).toEqual(exact.map(({ id }) => id));
      for (const [place, { score }] of found[i].entries()) expect(score).toBeCloseTo(exact[place].score, 5);
    }
  }

  it('has the ten nearest passages that exact search has', async () => {
    expectSame(await searched('arrow', await bytesOf(toArrow(sampleRows(2500, DIMENSIONS), header))));
  });

  it('has them by way of Parquet as well', async () => {
    const parquet = await bytesOf(toParquet(sampleRows(2500, DIMENSIONS), header));
    const { rows, header: found } = await fromParquet(parquet);
    expectSame(await searched('parquet', await bytesOf(toArrow(rows, found!))));
  });
});
