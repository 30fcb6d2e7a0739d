import { afterEach, describe, expect, test, vi } from 'vitest';
import { SternaError } from '../errors.ts';
import type { Batch } from '../index/collection/changes.ts';
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
import type { IndexWork, Perform } from './work.ts';

const scanner = Scanner.alone();
const OTHER_SPACE = { id: 'another space', dimensions: DIMENSIONS };

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

/** The documents of a model, as another embedder has them. */
function anew(model: Model, operation = 'anew'): Batch {
  const workload = new Workload(77);
  const put = [...model.documents.values()].map((document) => ({
    ...document,
    passages: document.passages.map((passage) => ({ ...passage, vector: workload.vector() })),
  }));
  return { operation, put, remove: [] };
}

/** What another process finds when the one that had the folder open has died. */
const afterDeath = async (folder: IndexFolder) => open(await folderOf(await filesOf(folder)));

const spaceOf = async (perform: Perform) => (await perform({ kind: 'info' })).space;

describe('documents that are embedded anew', () => {
  const batch = new Workload(6).batch();
  const prepare = { kind: 'prepare', settings: SETTINGS, space: OTHER_SPACE.id } as const;
  const swap = { kind: 'swap', operation: 'swap' } as const;

  async function prepared() {
    const folder = new MemoryFolder();
    const made = await filled(folder);
    await made.perform(prepare);
    await made.perform({ kind: 'apply', batch: anew(made.model), space: OTHER_SPACE, slot: 'next' });
    return { folder, ...made };
  }

  test('take the place of the old ones at once, and those are removed', async () => {
    const { folder, service, perform, model } = await prepared();
    expect(await spaceOf(perform)).toEqual(SPACE);
    expect(await perform(swap)).toBe(true);
    expect(await spaceOf(perform)).toEqual(OTHER_SPACE);
    expect(await texts(perform)).toEqual(textsOf(model));
    expect((await folder.names()).filter((name) => name.startsWith('a-'))).toEqual([]);
    await service.close();
    const again = await open(folder);
    expect(await texts(again.perform)).toEqual(textsOf(model));
    expect(await spaceOf(again.perform)).toEqual(OTHER_SPACE);
  });

  test('do not take it while any document is missing, is there no more, or has changed', async () => {
    const { perform, model } = await prepared();
    const [first, second] = model.documents.values();
    const changes: Omit<Batch, 'operation'>[] = [
      { put: [{ ...first, id: 'new' }], remove: [] },
      { put: [{ ...first, hash: 'f'.repeat(16) }], remove: ['new'] },
      { put: [first], remove: [second.id] },
    ];
    for (const [i, change] of changes.entries()) {
      await perform({ kind: 'apply', batch: { operation: `change ${i}`, ...change }, space: SPACE });
      expect(await perform(swap)).toBe(false);
    }
    await perform({ kind: 'apply', batch: { operation: 'back', put: [second], remove: [] }, space: SPACE });
    expect(await perform(swap)).toBe(true);
  });

  test('take it once, however often that is asked for, and not the place of later ones', async () => {
    const { folder, perform, model } = await prepared();
    expect(await Promise.all([perform(swap), perform(swap)])).toEqual([true, true]);
    const { perform: later } = await afterDeath(folder);
    expect(await later(swap)).toBe(true);
    await later({ ...prepare, space: SPACE.id });
    await later({ kind: 'apply', batch: anew(model, 'again'), space: SPACE, slot: 'next' });
    expect(await later(swap)).toBe(true);
    expect(await spaceOf(later)).toEqual(OTHER_SPACE);
    expect(await later({ kind: 'swap', operation: 'another' })).toBe(true);
    expect(await spaceOf(later)).toEqual(SPACE);
    expect(await later(swap)).toBe(true);
    expect(await spaceOf(later)).toEqual(SPACE);
  });

  test('go on in another process when the one that had them open has died', async () => {
    const { folder, model } = await prepared();
    for (const work of ['hashes', 'ids', 'apply', 'swap']) {
      const { perform } = await afterDeath(folder);
      const [id] = model.documents.keys();
      if (work === 'hashes')
        expect(await perform({ kind: 'hashes', ids: [id], slot: 'next' })).toEqual([
          model.documents.get(id)!.hash,
        ]);
      if (work === 'ids')
        expect(new Set(await perform({ kind: 'ids', slot: 'next' }))).toEqual(
          new Set(model.documents.keys()),
        );
      if (work === 'apply')
        await perform({ kind: 'apply', batch: anew(model), space: OTHER_SPACE, slot: 'next' });
      expect(await perform(swap)).toBe(true);
      expect(await texts(perform)).toEqual(textsOf(model));
      expect(await spaceOf(perform)).toEqual(OTHER_SPACE);
    }
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
    await expect(perform(swap)).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(perform({ kind: 'ids', slot: 'next' })).rejects.toMatchObject({ code: 'invalid-input' });
  });

  test('do not make a batch disappear that is acknowledged meanwhile', async () => {
    const added = { ...batch, operation: 'added' };
    const outcomes = new Set<string>();
    for (let turns = -2; turns < 40; turns++) {
      const { perform, model } = await prepared();
      const wait = async (turns: number) => {
        for (let i = 0; i < turns; i++) await undefined;
      };
      const swapped = wait(-turns).then(() => perform(swap));
      await wait(turns);
      const outcome = await perform({ kind: 'apply', batch: added, space: SPACE }).then(
        () => 'done',
        (error) => error.code,
      );
      outcomes.add(`${outcome}, swapped: ${await swapped}`);
      expect(await texts(perform)).toEqual(textsOf(outcome === 'done' ? model.after(added) : model));
    }
    expect(outcomes).toEqual(new Set(['done, swapped: false', 'space-mismatch, swapped: true']));
  });

  test('are searched from then on, by vectors of their space, and no search fails that was under way', async () => {
    const { perform } = await prepared();
    const vector = new Workload(3).vector();
    const search = (space: string) =>
      perform({ kind: 'search', query: { vector, k: 3, perDocument: 1 }, space });
    await expect(search(OTHER_SPACE.id)).rejects.toMatchObject({ code: 'space-mismatch' });
    const before = await search(SPACE.id);
    expect(before).toHaveLength(3);
    const swapped = perform(swap);
    let searches = 0;
    const underWay = (async () => {
      for (;;) {
        const hits = await search(SPACE.id).catch((error) => (error as SternaError).code);
        if (hits === 'space-mismatch') return hits;
        expect(hits).toEqual(before);
        searches++;
      }
    })();
    expect([await swapped, await underWay]).toEqual([true, 'space-mismatch']);
    expect(searches).toBeGreaterThan(0);
    await expect(search(SPACE.id)).rejects.toMatchObject({
      code: 'space-mismatch',
      message: expect.stringMatching(/another space.*space of tests/),
    });
    expect(await search(OTHER_SPACE.id)).toHaveLength(3);
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
        let state = 'not asked for';
        try {
          const opened = await open(folder);
          ({ service } = opened);
          const { perform } = opened;
          await perform(prepare);
          const again = anew(model, `${seed} ${crash}`);
          await perform({ kind: 'apply', batch: again, space: OTHER_SPACE, slot: 'next' });
          state = 'asked for';
          expect(await perform({ kind: 'swap', operation: `swap ${crash}` })).toBe(true);
          state = 'done';
        } catch (error) {
          if (!folder.isDead) throw error;
          cuts++;
        }
        await service?.close();
        folder = folder.restarted(random);
        const { service: again, perform } = await open(folder);
        const isNew = (await spaceOf(perform))?.id === OTHER_SPACE.id;
        expect(await texts(perform)).toEqual(textsOf(model));
        if (isSwapped || state === 'done') expect(isNew).toBe(true);
        if (!isSwapped && state === 'not asked for') expect(isNew).toBe(false);
        isSwapped ||= isNew;
        await again.close();
      }
    }
    expect(cuts).toBeGreaterThan(200);
  });
});

describe('a pause', () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  const pause = { kind: 'pause', owner: 'one' } as const;

  /** Asks for a batch, and tells whether it is done. */
  function applied(perform: Perform, operation: string) {
    const state = { isDone: false };
    const batch = { ...new Workload(8).batch(), operation };
    const done = perform({ kind: 'apply', batch, space: SPACE }).then(() => {
      state.isDone = true;
    });
    return { state, done };
  }

  test('lets batches wait until it is ended by its owner, and neither searches nor the next documents', async () => {
    vi.useFakeTimers();
    const { perform } = await filled();
    await perform({ kind: 'prepare', settings: SETTINGS, space: OTHER_SPACE.id });
    await perform(pause);
    const { state, done } = applied(perform, 'waiting');
    const vector = new Workload(3).vector();
    expect(
      await perform({ kind: 'search', query: { vector, k: 3, perDocument: 1 }, space: SPACE.id }),
    ).toHaveLength(3);
    await perform({ kind: 'apply', batch: new Workload(9).batch(), space: OTHER_SPACE, slot: 'next' });
    await perform({ kind: 'resume', owner: 'another' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(state.isDone).toBe(false);
    await perform({ kind: 'resume', owner: 'one' });
    await done;
  });

  test('waits itself for batches of before', async () => {
    const { perform } = await filled();
    const before = new Workload(8).batch();
    const done = perform({ kind: 'apply', batch: { ...before, operation: 'before' }, space: SPACE });
    await perform(pause);
    const hashes = await perform({ kind: 'hashes', ids: before.put.map(({ id }) => id) });
    expect(hashes).toEqual(before.put.map(({ hash }) => hash));
    await perform({ kind: 'resume', owner: 'one' });
    await done;
  });

  test('ends some seconds after its owner was last heard of', async () => {
    vi.useFakeTimers();
    const { perform } = await filled();
    await perform(pause);
    const { state, done } = applied(perform, 'waiting');
    for (let seconds = 0; seconds < 20; seconds += 5) {
      await vi.advanceTimersByTimeAsync(5000);
      await perform(pause);
    }
    expect(state.isDone).toBe(false);
    await vi.advanceTimersByTimeAsync(10_000);
    await done;
  });

  test('ends after a minute whatever its owner says, so that those who wait go on', async () => {
    vi.useFakeTimers();
    const { perform } = await filled();
    await perform(pause);
    const { state, done } = applied(perform, 'waiting');
    let seconds = 0;
    for (; !state.isDone && seconds < 300; seconds++) {
      await vi.advanceTimersByTimeAsync(1000);
      if (seconds % 2 === 0) await perform(pause);
    }
    expect(seconds).toBeGreaterThan(50);
    expect(seconds).toBeLessThan(70);
    await done;
    await perform({ kind: 'resume', owner: 'one' });
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
    await expect(perform({ kind: 'swap', operation: 'swap' })).rejects.toMatchObject({
      code: 'invalid-input',
    });
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

describe('an import', () => {
  /** The work of an import, piece by piece. */
  async function workOfImport() {
    const { perform, model } = await filled();
    const all: IndexWork[] = [];
    const noted = (async (work: IndexWork) => {
      all.push(work);
    }) as Perform;
    await importFiles(await bytesOf(exportFiles(perform)), noted);
    return { all, model };
  }
  const other = { ...new Workload(9).batch(), operation: 'other' };

  test('goes on when the process that had the files open dies anywhere in it, before its answer or after', async () => {
    const { all, model } = await workOfImport();
    for (let death = 0; death < 2 * all.length; death++) {
      let folder = new MemoryFolder();
      let { perform } = await open(folder);
      await perform({ kind: 'apply', batch: other, space: SPACE });
      for (const [i, work] of all.entries()) {
        if (death === 2 * i + 1) await perform(work);
        if (death >> 1 === i) {
          folder = await folderOf(await filesOf(folder));
          ({ perform } = await open(folder));
        }
        await perform(work);
      }
      expect(await texts(perform)).toEqual(textsOf(model));
      await perform({ kind: 'apply', batch: { ...other, operation: 'after' }, space: SPACE });
      const again = await afterDeath(folder);
      for (const work of all.slice(-1)) await again.perform(work);
      expect(await texts(again.perform)).toEqual(textsOf(model.after(other)));
    }
  });

  test('that is not gone on with is given up after a minute, or when the index is closed', async () => {
    const { all } = await workOfImport();
    const [begin, write] = all;
    const folder = new MemoryFolder();
    const made = await open(folder);
    for (const work of [begin, write]) await made.perform(work as never);
    const imported = async (some: IndexFolder) =>
      (await some.names()).filter((name) => name.startsWith('b-segment'));
    const copy = await folderOf(await filesOf(folder));
    expect(await imported(copy)).toHaveLength(1);
    await made.service.close();
    expect(await imported(folder)).toEqual([]);

    vi.useFakeTimers();
    const { perform } = await open(copy);
    await vi.advanceTimersByTimeAsync(61_000);
    vi.useRealTimers();
    expect(await imported(copy)).toEqual([]);
    await expect(perform(write as never)).rejects.toMatchObject({ code: 'invalid-input' });
  });

  test('is given up when another one begins, and leaves nothing when it fails', async () => {
    const { all } = await workOfImport();
    const [begin, write] = all;
    const folder = new MemoryFolder();
    const { perform } = await open(folder);
    for (const work of [begin, write]) await perform(work as never);
    const { perform: source, model } = await filled();
    await importFiles(await bytesOf(exportFiles(source)), perform);
    await expect(perform(write as never)).rejects.toMatchObject({ code: 'invalid-input' });
    const cut = (await bytesOf(exportFiles(source))).slice(0, -1);
    await expect(importFiles(cut, perform)).rejects.toMatchObject({ code: 'corrupt-file' });
    expect(await texts(perform)).toEqual(textsOf(model));
    expect((await folder.names()).filter((name) => name.startsWith('a-'))).toEqual([]);
  });
});

describe('a manifest to be adopted', () => {
  async function adoptable() {
    const { perform } = await filled();
    const { manifest, files } = await perform({ kind: 'hold' });
    const target = await filled();
    const write = async () => {
      await target.perform({ kind: 'begin-import', operation: 'import' });
      for (const { name, bytes } of files)
        await target.perform({
          kind: 'write',
          operation: 'import',
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
    await expect(
      target.perform({ kind: 'adopt', operation: 'import', manifest: json }),
    ).rejects.toMatchObject({
      code: 'corrupt-file',
    });
    expect(await texts(target.perform)).toEqual(textsOf(target.model));
    await write();
    await target.perform({ kind: 'adopt', operation: 'import', manifest: JSON.stringify(manifest) });
  });

  test('brings in files of its own names only', async () => {
    const { perform } = await open();
    await perform({ kind: 'begin-import', operation: 'import' });
    for (const file of ['../x', 'manifest-a', 'root-a', 'segment-', 'journal-1'])
      await expect(
        perform({ kind: 'write', operation: 'import', file, at: 0, bytes: new Uint8Array(1) }),
      ).rejects.toMatchObject({
        code: 'corrupt-file',
      });
  });
});

describe('the root of an index', () => {
  test('that is damaged in one of its files counts as it was; in both it is refused', async () => {
    const folder = new MemoryFolder();
    const { service, perform, model } = await filled(folder);
    await perform({ kind: 'prepare', settings: SETTINGS, space: OTHER_SPACE.id });
    await perform({ kind: 'apply', batch: anew(model), space: OTHER_SPACE, slot: 'next' });
    await perform({ kind: 'swap', operation: 'swap' });
    await service.close();
    const files = await filesOf(folder);
    const random = randomNumbers(8);
    for (let i = 0; i < 200; i++) {
      const name = i % 2 === 0 ? 'root-a' : 'root-b';
      const one = await folderOf([...files, [name, damaged(files.get(name)!, random)]]);
      const opened = await open(one);
      expect(await spaceOf(opened.perform)).toEqual(OTHER_SPACE);
      expect(await texts(opened.perform)).toEqual(textsOf(model));
      await opened.service.close();
    }
    for (const name of ['root-a', 'root-b']) files.get(name)![12] ^= 1;
    await expect(open(await folderOf(files))).rejects.toMatchObject({ code: 'corrupt-file' });
  });
});
