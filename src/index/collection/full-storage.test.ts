import { expect, test } from 'vitest';
import { Scanner } from '../scan/scanner.ts';
import { Collection } from './collection.ts';
import { FullFolder } from './testing/full-folder.ts';
import { difference, Model, SETTINGS, SPACE, Workload } from './testing/model.ts';

const scanner = Scanner.alone();

function open(folder: FullFolder): Promise<Collection> {
  return Collection.open({ folder, scanner, settings: SETTINGS, seal: { rows: 6, bytes: 4096 } });
}

async function expectSame(collection: Collection, model: Model): Promise<void> {
  expect(await difference(collection, model, new Workload(3))).toBeUndefined();
}

test('where there is no room, nothing of a batch is there, what was acknowledged is, and later batches work again', async () => {
  let refused = 0;
  for (let seed = 1; seed <= 50; seed++) {
    const workload = new Workload(seed);
    const folder = new FullFolder();
    let collection = await open(folder);
    let model = new Model();
    for (let i = 0; i < 30; i++) {
      if (workload.random() < 0.2) folder.room = workload.below(6000);
      const batch = workload.batch();
      try {
        await collection.apply(batch, SPACE);
        model = model.after(batch);
      } catch (error) {
        expect(error).toMatchObject({ code: 'storage-full' });
        refused++;
        await expectSame(collection, model);
        if (workload.random() < 0.5) {
          await collection.close();
          collection = await open(folder);
          await expectSame(collection, model);
        }
        folder.room = Number.POSITIVE_INFINITY;
        await collection.apply(batch, SPACE);
        model = model.after(batch);
      }
    }
    await collection.idle();
    await expectSame(collection, model);
    await collection.close();
    collection = await open(folder);
    await expectSame(collection, model);
    await collection.close();
  }
  expect(refused).toBeGreaterThan(50);
});

test('sealing that finds no room is told, and done with the next batch', async () => {
  const workload = new Workload(5);
  const folder = new FullFolder();
  const collection = await open(folder);
  let model = new Model();
  const apply = async () => {
    const batch = workload.batch();
    await collection.apply(batch, SPACE);
    model = model.after(batch);
  };
  folder.refused = /^segment/;
  while (collection.rows < 6) await apply();
  await collection.idle();
  expect(collection.maintenanceFailure).toMatchObject({ code: 'storage-full' });
  await expectSame(collection, model);
  folder.refused = undefined;
  await apply();
  await collection.idle();
  expect(collection.maintenanceFailure).toBeUndefined();
  expect(collection.segmentCount).toBe(1);
  await expectSame(collection, model);
});

test('an index in a folder without any room can be opened and searched', async () => {
  const workload = new Workload(6);
  const folder = new FullFolder();
  let collection = await open(folder);
  let model = new Model();
  for (let i = 0; i < 12; i++) {
    const batch = workload.batch();
    await collection.apply(batch, SPACE);
    model = model.after(batch);
  }
  await collection.close();
  folder.room = 0;
  collection = await open(folder);
  await expectSame(collection, model);
});
