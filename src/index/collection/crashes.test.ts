import { expect, test } from 'vitest';
import type { IndexFolder } from '../files/folder.ts';
import { Scanner } from '../scan/scanner.ts';
import { randomNumbers } from '../testing/vectors.ts';
import type { Batch } from './changes.ts';
import { Collection } from './collection.ts';
import { CrashingFolder } from './testing/crashing-folder.ts';
import { difference, Model, SETTINGS, SPACE, Workload } from './testing/model.ts';
import { SlowFolder } from './testing/slow-folder.ts';

const SEEDS = 180;
/** Power cuts in the life of a collection. */
const CRASHES = 3;
/** Calls within which the power goes once a batch was acknowledged beside a merge: the swap at its end takes some dozens. */
const SOON = 80;

const scanner = Scanner.alone();
const seal = { rows: 5, bytes: 4096 };

function open(folder: IndexFolder): Promise<Collection> {
  return Collection.open({ folder, scanner, settings: SETTINGS, seal });
}

/** Works until the power goes, and waits for no merge. @returns what was acknowledged, and the batch that was under way. */
async function work(
  folder: CrashingFolder,
  before: Model,
  workload: Workload,
): Promise<{ model: Model; underWay?: Batch }> {
  let model = before;
  let underWay: Batch | undefined;
  let collection: Collection | undefined;
  const beside: Promise<void>[] = [];
  try {
    collection = await open(slow(folder, workload));
    for (let i = 0; i < 60; i++) {
      const dice = workload.random();
      if (dice < 0.03) beside.push(collection.compact().catch(unlessDead(folder)));
      if (dice > 0.9) await collection.idle();
      underWay = workload.batch();
      await collection.apply(underWay, SPACE);
      model = model.after(underWay);
      underWay = undefined;
      // Beside a merge, soon.
      if (folder.batchesBesideMerge > 0 && folder.crashAt > folder.calls + SOON)
        folder.crashAt = folder.calls + 1 + workload.below(SOON);
    }
    await collection.idle();
  } catch (error) {
    unlessDead(folder)(error);
  } finally {
    await collection?.close();
    await Promise.all(beside);
  }
  return { model, underWay };
}

/** Some segments take their time, so that batches come while they are written. */
function slow(folder: CrashingFolder, workload: Workload): SlowFolder {
  return new SlowFolder(folder, (name, step) =>
    step === 'flush' && name.startsWith('segment') && workload.random() < 0.3
      ? new Promise((resolve) => setTimeout(resolve, 1 + workload.below(8)))
      : undefined,
  );
}

function unlessDead(folder: CrashingFolder): (error: unknown) => void {
  return (error) => {
    if (!folder.isDead) throw error;
  };
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
  let mergesCut = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = randomNumbers(seed);
    const workload = new Workload(1000 + seed);
    let folder = new CrashingFolder();
    let model = new Model();
    for (let crash = 0; crash < CRASHES; crash++) {
      folder.crashAt = 1 + Math.floor(random() ** 2 * 1200);
      const worked = await work(folder, model, workload);
      if (folder.isDead) cuts++;
      if (folder.isDead && folder.batchesBesideMerge > 0) mergesCut++;
      folder = folder.restarted(random);
      if (random() < 0.5) {
        folder.crashAt = 1 + Math.floor(random() * 60);
        await open(folder).then((collection) => collection.close(), unlessDead(folder));
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
  // Merges that were under way, with batches that were acknowledged since they began.
  expect(mergesCut).toBeGreaterThan(20);
}, 60_000);
