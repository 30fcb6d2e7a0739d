import { describe, expect, test } from 'vitest';
import { nodeGpu } from '../../node/gpu.ts';
import { Collection } from '../collection/collection.ts';
import type { CollectionQuery } from '../collection/query.ts';
import { MemoryFolder } from '../files/memory-folder.ts';
import { Scanner } from '../scan/scanner.ts';
import { randomVectors } from '../testing/vectors.ts';

const gpu = await nodeGpu().catch(() => undefined);
const DIMENSIONS = 150;

async function openGpu(): Promise<GPUDevice> {
  const adapter = await gpu!.requestAdapter();
  return adapter!.requestDevice();
}

const settings = { codes: 'int8', passageTokens: 128, lexical: false } as const;
const documents = (from: number, count: number) => {
  const vectors = randomVectors(count, DIMENSIONS, from);
  return Array.from({ length: count }, (_, i) => ({
    id: `${from + i}`,
    text: 'x',
    metadata: { isEven: i % 2 === 0 },
    hash: '0123456789abcdef',
    passages: [{ start: 0, end: 1, vector: vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS) }],
  }));
};
const space = { id: 'test/150', dimensions: DIMENSIONS };

describe.skipIf(!gpu)('a collection with a GPU (skipped where Node finds no adapter)', () => {
  test('gives the hits that it gives without one, while it grows, and when the GPU goes away', async () => {
    const devices: GPUDevice[] = [];
    const collections = await Promise.all(
      [undefined, async () => devices[devices.push(await openGpu()) - 1]].map((open) =>
        Collection.open({
          folder: new MemoryFolder(),
          scanner: Scanner.alone(),
          settings,
          openGpu: open,
          gpuRows: 0,
        }),
      ),
    );
    const [without, with_] = collections;
    const queries = [1, 2, 3].map((seed): CollectionQuery => {
      const vector = randomVectors(1, DIMENSIONS, 100 + seed);
      return { vector, k: 7, perDocument: 1, filter: seed === 2 ? { isEven: true } : undefined };
    });
    const agree = async () => {
      for (const query of queries) expect(await with_.search(query)).toEqual(await without.search(query));
    };
    for (const [from, count] of [
      [0, 700],
      [1000, 40],
      [2000, 500],
    ]) {
      for (const collection of collections) {
        await collection.apply({ operation: `${from}`, remove: ['3'], put: documents(from, count) }, space);
        await collection.idle();
      }
      await agree();
      if (from !== 1000) for (const collection of collections) await collection.compact();
      for (const collection of collections) {
        await collection.apply({ operation: `${from} again`, remove: [`${from + 5}`], put: [] });
        await collection.idle();
      }
      expect([without.isOnGpu, with_.isOnGpu]).toEqual([false, true]);
      await agree();
    }
    for (const device of devices) device.destroy();
    await agree();
    expect(with_.isOnGpu).toBe(false);
    for (const collection of collections) await collection.close();
  });
});

test('a collection keeps to the processor where there is no GPU', async () => {
  const collection = await Collection.open({
    folder: new MemoryFolder(),
    scanner: Scanner.alone(),
    settings,
    openGpu: async () => undefined,
    gpuRows: 0,
  });
  await collection.apply({ operation: '1', remove: [], put: documents(0, 300) }, space);
  await collection.compact();
  await collection.idle();
  expect(collection.isOnGpu).toBe(false);
});
