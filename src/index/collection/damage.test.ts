import { describe, expect, test } from 'vitest';
import { SternaError } from '../../errors.ts';
import { MemoryFolder } from '../files/memory-folder.ts';
import { Scanner } from '../scan/scanner.ts';
import { randomNumbers } from '../testing/vectors.ts';
import type { Batch } from './changes.ts';
import { Collection } from './collection.ts';
import { damaged, filesOf, folderOf } from './testing/copies.ts';
import { difference, Model, SETTINGS, SPACE, Workload } from './testing/model.ts';

const scanner = Scanner.alone();

const open = (folder: MemoryFolder) =>
  Collection.open({ folder, scanner, settings: SETTINGS, seal: { rows: 40, bytes: 2 ** 20 } });

/** Two segments, documents removed from one of them, and a journal of some batches. */
async function made() {
  const workload = new Workload(11, 60);
  const folder = new MemoryFolder();
  const collection = await open(folder);
  let model = new Model();
  const apply = async (batch: Batch) => {
    await collection.apply(batch, SPACE);
    model = model.after(batch);
  };
  while (collection.segmentCount < 2) {
    await apply(workload.batch());
    await collection.idle();
  }
  const sealed = model;
  const journal: Batch[] = [];
  for (let i = 0; i < 6; i++) {
    journal.push(workload.batch());
    await apply(journal[i]);
  }
  await collection.close();
  return { files: await filesOf(folder), sealed, journal, model };
}

const replayed = (model: Model, batches: readonly Batch[]) =>
  batches.reduce((state, batch) => state.after(batch), model);

describe('damage', () => {
  test('anywhere in any file is refused or does nothing; what of the journal is lost is told', async () => {
    const { files, sealed, journal, model } = await made();
    const kinds = new Set([...files.keys()].map((name) => name.split('-')[0]));
    expect([...kinds].sort()).toEqual(['deleted', 'journal', 'manifest', 'segment']);
    const counts = { refused: 0, whole: 0, lost: 0 };
    const random = randomNumbers(3);
    for (const [name, bytes] of files) {
      for (let i = 0; i < 130; i++) {
        const folder = await folderOf(files);
        await folder.remove(name);
        (await folder.open(name, { create: true }))!.write(0, damaged(bytes, random));
        let collection: Collection | undefined;
        try {
          collection = await open(folder);
          const words = await difference(collection, model, new Workload(i));
          if (!words) {
            counts.whole++;
            continue;
          }
          expect(name).toMatch(/^journal/);
          const { recovery } = collection;
          const candidates = journal.flatMap((_, lost) => [
            replayed(sealed, journal.slice(0, lost)),
            replayed(sealed, journal.toSpliced(lost, 1)),
          ]);
          const differences = await Promise.all(
            candidates.map((one) => difference(collection!, one, new Workload(i))),
          );
          expect(differences).toContain(undefined);
          // A journal that ends at the end of a record is whole: nobody can tell.
          const isCutBetween =
            recovery.replayed < journal.length && recovery.tornBytes === 0 && recovery.damagedRecords === 0;
          if (isCutBetween) expect((await filesOf(folder)).get(name)!.length).toBeLessThan(bytes.length);
          counts.lost++;
        } catch (error) {
          if (!(error instanceof SternaError)) throw error;
          expect(error.code).toBe('corrupt-file');
          counts.refused++;
        } finally {
          await collection?.close();
        }
      }
    }
    expect(counts.refused).toBeGreaterThan(150);
    expect(counts.whole).toBeGreaterThan(100);
    expect(counts.lost).toBeGreaterThan(80);
  });

  test('in the middle of the journal costs the records that it hits, and those behind them are found', async () => {
    const { files, sealed, journal } = await made();
    const [name, bytes] = [...files].find(([one]) => one.startsWith('journal'))!;
    for (let byte = 0; byte < 30; byte++) {
      const copy = bytes.slice();
      copy[byte] ^= 0x40;
      const collection = await open(await folderOf([...files, [name, copy]]));
      expect(collection.recovery).toMatchObject({
        damagedRecords: 1,
        tornBytes: 0,
        replayed: journal.length - 1,
      });
      const expected = replayed(sealed, journal.slice(1));
      expect(await difference(collection, expected, new Workload(1))).toBeUndefined();
      await collection.close();
    }
  });

  test('of both manifests is refused', async () => {
    const { files } = await made();
    for (const name of ['manifest-a', 'manifest-b']) files.get(name)![20] ^= 1;
    await expect(open(await folderOf(files))).rejects.toMatchObject({ code: 'corrupt-file' });
  });

  test('is mended in one manifest, so that the other one may be damaged later', async () => {
    const { files, model } = await made();
    files.get('manifest-a')![20] ^= 1;
    const folder = await folderOf(files);
    await (await open(folder)).close();
    const later = await filesOf(folder);
    later.get('manifest-b')![20] ^= 1;
    const collection = await open(await folderOf(later));
    expect(await difference(collection, model, new Workload(1))).toBeUndefined();
    await collection.close();
  });

  test('a journal that is missing is told', async () => {
    const { files, sealed } = await made();
    const collection = await open(await folderOf([...files].filter(([name]) => !name.startsWith('journal'))));
    expect(collection.recovery.damagedRecords).toBe(1);
    expect(await difference(collection, sealed, new Workload(1))).toBeUndefined();
    await collection.close();
  });

  test('texts full of what looks like records are searched in bounded time', async () => {
    const { files } = await made();
    const [name] = [...files].find(([one]) => one.startsWith('journal'))!;
    const record = new Uint8Array(28);
    record.set(new TextEncoder().encode('{"operation":'), 15);
    const bytes = new Uint8Array(2 ** 21);
    for (let at = 0; at + record.length < bytes.length; at += record.length) {
      new DataView(record.buffer).setUint32(0, 0, true);
      bytes.set(record, at);
      new DataView(bytes.buffer).setUint32(at, Math.floor((bytes.length - at) / 2), true);
    }
    const collection = await open(await folderOf([...files, [name, bytes]]));
    expect(collection.recovery.tornBytes).toBe(bytes.length);
    await collection.close();
  });
});
