import { describe, expect, test } from 'vitest';
import { SternaError } from '../errors.ts';
import type { Manifest } from '../index/collection/manifest.ts';
import { damaged, filesOf, folderOf } from '../index/collection/testing/copies.ts';
import { CrashingFolder } from '../index/collection/testing/crashing-folder.ts';
import { DIMENSIONS, Model, SETTINGS, SPACE, Workload } from '../index/collection/testing/model.ts';
import type { IndexFolder } from '../index/files/folder.ts';
import { MemoryFolder } from '../index/files/memory-folder.ts';
import { Scanner } from '../index/scan/scanner.ts';
import { randomNumbers } from '../index/testing/vectors.ts';
import { exportFiles, importFiles } from './index-file.ts';
import { IndexService } from './index-service.ts';
import type { IndexProducts, IndexWork } from './work.ts';

const scanner = Scanner.alone();
const OTHER_SPACE = { id: 'another space', dimensions: DIMENSIONS };

type Perform = <K extends IndexWork['kind']>(
  work: Extract<IndexWork, { kind: K }>,
) => Promise<IndexProducts[K]>;

async function open(
  folder: IndexFolder = new MemoryFolder(),
): Promise<{ service: IndexService; perform: Perform }> {
  const service = await IndexService.open({ folder, scanner, settings: SETTINGS });
  const perform: Perform = (work) => service.perform(work) as never;
  return { service, perform };
}

/** Fills an index, part of which is sealed. */
async function filled(folder?: IndexFolder) {
  const { service, perform } = await open(folder);
  const workload = new Workload(5, 200);
  let model = new Model();
  for (let i = 0; i < 20; i++) {
    const batch = workload.batch();
    await perform({ kind: 'apply', batch, space: SPACE });
    model = model.after(batch);
    if (i === 12) await perform({ kind: 'compact' });
  }
  return { service, perform, model };
}

const textsOf = (model: Model) => new Map([...model.documents].map(([id, { text }]) => [id, text]));

async function texts(perform: Perform): Promise<Map<string, string>> {
  const ids = await perform({ kind: 'ids' });
  const documents = await perform({ kind: 'get', ids });
  return new Map(documents.map((document) => [document!.id, document!.text]));
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}

describe('documents that are embedded anew', () => {
  const batch = new Workload(6).batch();
  const prepare = { kind: 'prepare', settings: SETTINGS, space: OTHER_SPACE.id } as const;

  test('take the place of the old ones at once, and those are removed', async () => {
    const folder = new MemoryFolder();
    const { service, perform, model } = await filled(folder);
    await perform(prepare);
    await perform({ kind: 'apply', batch, space: OTHER_SPACE, slot: 'next' });
    expect(await texts(perform)).toEqual(textsOf(model));
    const report = await perform({ kind: 'swap' });
    expect(report.space).toEqual(OTHER_SPACE);
    expect(await texts(perform)).toEqual(textsOf(new Model().after(batch)));
    expect((await folder.names()).filter((name) => name.startsWith('a-'))).toEqual([]);
    await service.close();
    expect(await texts((await open(folder)).perform)).toEqual(textsOf(new Model().after(batch)));
  });

  test('go on where they were when the index is opened again, for the same space and settings only', async () => {
    const folder = new MemoryFolder();
    const first = await filled(folder);
    await first.perform(prepare);
    await first.perform({ kind: 'apply', batch, space: OTHER_SPACE, slot: 'next' });
    await first.service.close();
    const { perform } = await open(folder);
    await perform(prepare);
    expect(new Set(await perform({ kind: 'ids', slot: 'next' }))).toEqual(
      new Set(new Model().after(batch).documents.keys()),
    );
    await perform({ ...prepare, space: 'a third one' });
    expect(await perform({ kind: 'ids', slot: 'next' })).toEqual([]);
    await perform({ kind: 'apply', batch, space: { ...SPACE, id: 'a third one' }, slot: 'next' });
    await perform({ ...prepare, space: 'a third one', settings: { ...SETTINGS, codes: 'int8' } });
    expect(await perform({ kind: 'ids', slot: 'next' })).toEqual([]);
  });

  test('are asked for before there are any', async () => {
    const { perform } = await open();
    await expect(perform({ kind: 'swap' })).rejects.toMatchObject({ code: 'invalid-input' });
  });

  test('do not make a batch disappear that is added to the old ones meanwhile', async () => {
    const { perform } = await filled();
    await perform(prepare);
    const added = perform({ kind: 'apply', batch: { ...batch, operation: 'early' }, space: SPACE });
    const swapped = perform({ kind: 'swap' });
    const late = perform({ kind: 'apply', batch: { ...batch, operation: 'late' }, space: OTHER_SPACE });
    await Promise.all([added, swapped, late]);
    expect(await texts(perform)).toEqual(textsOf(new Model().after(batch)));
  });

  test('are there as a whole or not after power cuts at any moment, and the old ones are there until then', async () => {
    let cuts = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const random = randomNumbers(seed);
      let folder = new CrashingFolder();
      const made = await open(folder);
      const old = new Workload(seed).batch();
      await made.perform({ kind: 'apply', batch: old, space: SPACE });
      await made.service.close();
      const model = new Model().after(old);
      let isSwapped = false;
      for (let crash = 0; crash < 3; crash++) {
        folder.crashAt = folder.calls + 1 + Math.floor(random() * 150);
        let service: IndexService | undefined;
        let swap = 'not asked for';
        try {
          const opened = await open(folder);
          ({ service } = opened);
          const { perform } = opened;
          await perform(prepare);
          const remove = await perform({ kind: 'ids', slot: 'next' });
          await perform({
            kind: 'apply',
            batch: { ...batch, operation: `${seed} ${crash}`, remove },
            space: OTHER_SPACE,
            slot: 'next',
          });
          swap = 'asked for';
          await perform({ kind: 'swap' });
          swap = 'done';
        } catch (error) {
          if (!folder.isDead) throw error;
          cuts++;
        }
        await service?.close();
        folder = folder.restarted(random);
        const { service: again, perform } = await open(folder);
        const found = await texts(perform);
        const isNew = found.has(batch.put[0].id) && found.get(batch.put[0].id) === batch.put[0].text;
        expect(found).toEqual(textsOf(isNew ? new Model().after(batch) : model));
        if (isSwapped || swap === 'done') expect(isNew).toBe(true);
        if (!isSwapped && swap === 'not asked for') expect(isNew).toBe(false);
        isSwapped ||= isNew;
        await again.close();
      }
    }
    expect(cuts).toBeGreaterThan(200);
  });
});

describe('an export', () => {
  test('has all that is in the index, those documents included that are in no segment yet', async () => {
    const { perform, model } = await filled();
    const file = await bytesOf(exportFiles(perform));
    const target = await open();
    await importFiles(file, target.perform);
    expect(await texts(target.perform)).toEqual(textsOf(model));
    expect((await target.perform({ kind: 'info' })).space).toEqual(SPACE);
    await target.perform({ kind: 'apply', batch: new Workload(9).batch(), space: SPACE });
    await target.perform({ kind: 'compact' });
  });

  test('can be brought in while documents are embedded anew, which is given up then', async () => {
    const { perform, model } = await filled();
    const file = await bytesOf(exportFiles(perform));
    await perform({ kind: 'prepare', settings: SETTINGS, space: OTHER_SPACE.id });
    await perform({ kind: 'apply', batch: new Workload(9).batch(), space: OTHER_SPACE, slot: 'next' });
    await importFiles(file, perform);
    expect(await texts(perform)).toEqual(textsOf(model));
    await expect(perform({ kind: 'swap' })).rejects.toMatchObject({ code: 'invalid-input' });
  });

  test('is the same whatever is done to the index meanwhile', async () => {
    const { perform, model } = await filled();
    const stream = exportFiles(perform);
    await perform({ kind: 'info' });
    const reader = stream.getReader();
    const pieces = [(await reader.read()).value!];
    await perform({ kind: 'apply', batch: { operation: 'x', put: [], remove: [...model.documents.keys()] } });
    await perform({ kind: 'compact' });
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value);
    const target = await open();
    await importFiles(new Blob(pieces as Uint8Array<ArrayBuffer>[]), target.perform);
    expect(await texts(target.perform)).toEqual(textsOf(model));
  });

  test('that is damaged anywhere is refused, and the index stays as it was', async () => {
    const { perform } = await filled();
    const file = await bytesOf(exportFiles(perform));
    const random = randomNumbers(4);
    const { perform: target, model } = await filled();
    for (let i = 0; i < 300; i++) {
      await expect(importFiles(damaged(file, random).slice(), target))
        .rejects.toBeInstanceOf(SternaError)
        .catch(async (error) => {
          // Damage that nothing reads at first is found when it is read.
          const found = await target({ kind: 'ids' }).catch(() => undefined);
          if (!found) throw error;
        });
      if (i % 50 === 0) await importFiles(file, target);
    }
    await importFiles(file, target);
    expect(await texts(target)).toEqual(textsOf(model));
  });
});

describe('a manifest to be adopted', () => {
  async function adoptable() {
    const { perform } = await filled();
    const { manifest, files } = await perform({ kind: 'hold' });
    const target = await filled();
    const write = async () => {
      for (const { name, bytes } of files)
        await target.perform({
          kind: 'write',
          file: name,
          at: 0,
          bytes: await perform({ kind: 'read', file: name, start: 0, end: bytes }),
        });
    };
    return { manifest: JSON.parse(manifest), target, write };
  }

  test.each<[string, (manifest: Manifest) => unknown]>([
    ['that is no JSON', () => '{'],
    ['that is null', () => 'null'],
    ['that is a list', () => '[]'],
    ['without settings', (manifest) => ({ ...manifest, settings: undefined })],
    [
      'with codes that there are not',
      (manifest) => ({ ...manifest, settings: { ...manifest.settings, codes: 'int3' } }),
    ],
    [
      'that counts from infinity',
      (manifest) => JSON.stringify(manifest).replace(/"generation":\d+/, '"generation":1e999'),
    ],
    ['without a generation', (manifest) => ({ ...manifest, generation: undefined })],
    ['whose journal is a segment', (manifest) => ({ ...manifest, journal: manifest.segments[0].file })],
    ['whose journal is elsewhere', (manifest) => ({ ...manifest, journal: '../journal-1' })],
    ['whose next file is there', (manifest) => ({ ...manifest, nextFile: 0 })],
    [
      'that names a segment twice',
      (manifest) => ({ ...manifest, segments: [manifest.segments[0], manifest.segments[0]] }),
    ],
    [
      'whose segment is missing',
      (manifest) => ({
        ...manifest,
        nextFile: 99,
        segments: [{ ...manifest.segments[0], file: 'segment-98' }],
      }),
    ],
    [
      'whose segment has other rows',
      (manifest) => ({ ...manifest, segments: [{ ...manifest.segments[0], rows: 1 }] }),
    ],
    ['without a space', (manifest) => ({ ...manifest, space: undefined })],
    ['with a space of other dimensions', (manifest) => ({ ...manifest, space: { id: 'x', dimensions: 16 } })],
    [
      'with a plan that is none',
      (manifest) => ({ ...manifest, plan: { planes: 0, oversample: 'x', rows: 1 } }),
    ],
    ['of a later version', (manifest) => ({ ...manifest, version: 2 })],
  ])('%s is refused, and the index stays as it was', async (_, change) => {
    const { manifest, target, write } = await adoptable();
    const changed = change(manifest);
    await write();
    const json = typeof changed === 'string' ? changed : JSON.stringify(changed);
    await expect(target.perform({ kind: 'adopt', manifest: json })).rejects.toMatchObject({
      code: 'corrupt-file',
    });
    expect(await texts(target.perform)).toEqual(textsOf(target.model));
    await write();
    await target.perform({ kind: 'adopt', manifest: JSON.stringify(manifest) });
  });

  test('brings in files of its own names only', async () => {
    const { perform } = await open();
    for (const file of ['../x', 'manifest-a', 'root-a', 'segment-', 'journal-1'])
      await expect(perform({ kind: 'write', file, at: 0, bytes: new Uint8Array(1) })).rejects.toMatchObject({
        code: 'corrupt-file',
      });
  });
});

describe('the root of an index', () => {
  test('that is damaged in one of its files counts as it was; in both it is refused', async () => {
    const folder = new MemoryFolder();
    const { service, perform } = await filled(folder);
    await perform({ kind: 'prepare', settings: SETTINGS, space: OTHER_SPACE.id });
    const batch = new Workload(6).batch();
    await perform({ kind: 'apply', batch, space: OTHER_SPACE, slot: 'next' });
    await perform({ kind: 'swap' });
    await service.close();
    const files = await filesOf(folder);
    const random = randomNumbers(8);
    for (let i = 0; i < 200; i++) {
      const name = i % 2 === 0 ? 'root-a' : 'root-b';
      const one = await folderOf([...files, [name, damaged(files.get(name)!, random)]]);
      const opened = await open(one);
      expect(await texts(opened.perform)).toEqual(textsOf(new Model().after(batch)));
      await opened.service.close();
    }
    for (const name of ['root-a', 'root-b']) files.get(name)![12] ^= 1;
    await expect(open(await folderOf(files))).rejects.toMatchObject({ code: 'corrupt-file' });
  });
});
