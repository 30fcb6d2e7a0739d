import { expect, test } from 'vitest';
import { Scanner } from '../scan/scanner.ts';
import { randomNumbers } from '../testing/vectors.ts';
import type { Batch } from './changes.ts';
import { Collection } from './collection.ts';
import { CrashingFolder } from './testing/crashing-folder.ts';
import { difference, Model, SETTINGS, SPACE, Workload } from './testing/model.ts';

const SEEDS = 180;
/** Power cuts in the life of a collection. */
const CRASHES = 3;

const scanner = Scanner.alone();
const seal = { rows: 5, bytes: 4096 };

function open(folder: CrashingFolder): Promise<Collection> {
  return Collection.open({ folder, scanner, settings: SETTINGS, seal });
}

/** Works until the power goes. @returns what was acknowledged, and the batch that was under way. */
async function work(
  folder: CrashingFolder,
  before: Model,
  workload: Workload,
): Promise<{ model: Model; underWay?: Batch }> {
  let model = before;
  let underWay: Batch | undefined;
  let collection: Collection | undefined;
  try {
    collection = await open(folder);
    for (let i = 0; i < 60; i++) {
      const dice = workload.random();
      if (dice < 0.03) await collection.compact();
      if (dice > 0.8) await collection.idle();
      underWay = workload.batch();
      await collection.apply(underWay, SPACE);
      model = model.after(underWay);
      underWay = undefined;
    }
    await collection.idle();
  } catch (error) {
    if (!folder.isDead) throw error;
  } finally {
    await collection?.close();
  }
  return { model, underWay };
}

/** The one of the states that the collection is in. */
async function stateOf(collection: Collection, states: readonly Model[], seed: string): Promise<Model> {
  const differences: (string | undefined)[] = [];
  for (const state of states) {
    const words = await difference(collection, state, new Workload(7));
    if (!words) return state;
    differences.push(words);
  }
  throw new Error(`${seed}: ${differences.join('; or: ')}`);
}

test('after a power cut at any moment, what was acknowledged is there, and what was not is there as a whole or not', async () => {
  let cuts = 0;
  let recoveriesCut = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = randomNumbers(seed);
    const workload = new Workload(1000 + seed);
    let folder = new CrashingFolder();
    let model = new Model();
    for (let crash = 0; crash < CRASHES; crash++) {
      folder.crashAt = 1 + Math.floor(random() ** 2 * 300);
      const worked = await work(folder, model, workload);
      if (folder.isDead) cuts++;
      folder = folder.restarted(random);
      if (random() < 0.5) {
        folder.crashAt = 1 + Math.floor(random() * 60);
        await open(folder).then(
          (collection) => collection.close(),
          (error) => {
            if (!folder.isDead) throw error;
          },
        );
        if (folder.isDead) recoveriesCut++;
        folder = folder.restarted(random);
      }
      const collection = await open(folder);
      const { underWay } = worked;
      const states = underWay ? [worked.model, worked.model.after(underWay)] : [worked.model];
      model = await stateOf(collection, states, `seed ${seed}, crash ${crash}`);
      if (underWay) {
        // Whoever asked does so again, and it is done once.
        await collection.apply(underWay, SPACE);
        model = worked.model.after(underWay);
        expect(await difference(collection, model, new Workload(8))).toBeUndefined();
      }
      expect(collection.recovery.damagedRecords).toBe(0);
      await collection.close();
    }
  }
  expect(cuts).toBeGreaterThan(500);
  expect(recoveriesCut).toBeGreaterThan(100);
}, 60_000);
