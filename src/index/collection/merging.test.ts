import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryFolder } from '../files/memory-folder.ts';
import { Scanner } from '../scan/scanner.ts';
import type { IndexedDocument } from './changes.ts';
import { Collection } from './collection.ts';
import { FullFolder } from './testing/full-folder.ts';
import { difference, Model, SETTINGS, SPACE, Workload } from './testing/model.ts';
import { Gate, SlowFolder, turnsOfLoop } from './testing/slow-folder.ts';

const scanner = Scanner.alone();
const seal = { rows: 6, bytes: 2 ** 16 };
const open = (folder: SlowFolder | FullFolder) =>
  Collection.open({ folder, scanner, settings: SETTINGS, seal });

/** A collection, and what it should have. */
class Subject {
  model = new Model();
  private operations = 0;

  constructor(
    readonly collection: Collection,
    readonly workload: Workload,
  ) {}

  async change(put: readonly IndexedDocument[], remove: readonly string[] = []): Promise<void> {
    const batch = { operation: `${++this.operations}`, remove, put };
    this.model = this.model.after(batch);
    await this.collection.apply(batch, SPACE);
  }

  async expectSame(collection = this.collection): Promise<void> {
    expect(await difference(collection, this.model, this.workload)).toBeUndefined();
  }
}

/** A document with passages that would fill a head alone. */
function large(workload: Workload, id: string): IndexedDocument {
  const passages = Array.from({ length: seal.rows }, (_, i) => ({
    start: i,
    end: i + 1,
    vector: workload.vector(),
    terms: Uint32Array.of(i),
  }));
  return { ...workload.document(id), passages };
}

/** Seven segments of two documents each, and one that becomes due for merging with them when a large document comes. */
async function nearlyDue() {
  const folder = new SlowFolder(new MemoryFolder());
  const workload = new Workload(1, 1000);
  const subject = new Subject(await open(folder), workload);
  for (let i = 0; i < 7; i++) {
    await subject.change([large(workload, `a ${i}`), large(workload, `b ${i}`)]);
    await subject.collection.idle();
  }
  expect(subject.collection.segmentCount).toBe(7);
  return { ...subject, folder, subject, workload, collection: subject.collection };
}

/** As {@link nearlyDue}, with the merge under way: it waits before the end of its file is flushed. */
async function merging() {
  const made = await nearlyDue();
  const { folder, subject, collection } = made;
  const gate = new Gate();
  const files: string[] = [];
  // The eighth segment is sealed first; the next one is the merged one.
  folder.wait = (name, step) => {
    if (!name.startsWith('segment')) return undefined;
    if (!files.includes(name)) files.push(name);
    return step === 'flush' && files[1] === name ? gate.wait() : undefined;
  };
  await subject.change([large(made.workload, 'a 7')]);
  await gate.reached;
  expect(collection.segmentCount).toBe(8);
  const finish = async () => {
    gate.open();
    await collection.idle();
  };
  return { ...made, finish, merged: files[1] };
}

describe('while segments are merged', () => {
  test('batches are durable and searches are answered, and the segments change places at the end', async () => {
    const { subject, collection, workload, finish } = await merging();
    await subject.change([workload.document('new')], ['b 3']);
    await subject.expectSame();
    expect(collection.segmentCount).toBe(8);
    await finish();
    expect(collection.segmentCount).toBe(1);
    await subject.expectSame();
  });

  test('documents that are removed or replaced do not come back with the merged segment, nor when it is opened again', async () => {
    const { subject, collection, workload, folder, finish } = await merging();
    await subject.change([], ['a 0', 'b 6', 'a 7']);
    await subject.change([workload.document('b 0'), workload.document('a 3')]);
    await subject.change([workload.document('b 6')], ['a 3']);
    await finish();
    expect(collection.segmentCount).toBe(1);
    await subject.expectSame();
    await collection.close();
    const again = await open(folder);
    await subject.expectSame(again);
    await again.close();
  });

  test('heads are sealed, and their segments are kept beside the merged one', async () => {
    const { subject, collection, workload, finish } = await merging();
    for (const id of ['x', 'y']) {
      await subject.change([large(workload, id)], ['a 1']);
      // Sealing takes the next turn.
      await subject.change([]);
    }
    expect(collection.segmentCount).toBe(10);
    await finish();
    expect(collection.segmentCount).toBe(3);
    await subject.expectSame();
  });

  test('compact waits, and leaves one segment without what was removed before', async () => {
    const { subject, collection, workload, finish } = await merging();
    await subject.change([large(workload, 'x')], ['a 1']);
    const compacted = collection.compact();
    await subject.change([workload.document('y')], ['a 2']);
    await finish();
    await compacted;
    expect(collection.segmentCount).toBe(1);
    await subject.expectSame();
  });

  test('searches that begin before the segments change places find all, and their files are removed after them', async () => {
    const { subject, collection, workload, folder, finish } = await merging();
    const query = { vector: workload.vector(), terms: Uint32Array.of(1), k: 10, perDocument: 1 };
    const expected = (await collection.search(query)).map(({ id, text }) => [id, text]);
    const finished = finish();
    const searches: ReturnType<Collection['search']>[] = [];
    // One at each step of the swap.
    while (collection.segmentCount > 1) {
      searches.push(collection.search(query));
      if (searches.length % 50 === 0) await turnsOfLoop(1);
      else await Promise.resolve();
    }
    for (const hits of await Promise.all(searches))
      expect(hits.map(({ id, text }) => [id, text])).toEqual(expected);
    await finished;
    await collection.close();
    const segments = (await folder.names()).filter((name) => name.startsWith('segment'));
    expect(segments).toHaveLength(1);
    await subject.expectSame(await open(folder));
  });

  test('an export keeps the files that it has seen', async () => {
    const { subject, collection, folder, finish } = await merging();
    const { manifest, release } = await collection.holdFiles();
    const read = () =>
      Promise.all(manifest.segments.map(({ file, bytes }) => collection.readFile(file, 0, bytes)));
    const before = await read();
    await finish();
    expect(collection.segmentCount).toBe(1);
    expect(await read()).toEqual(before);
    release();
    await collection.close();
    const segments = (await folder.names()).filter((name) => name.startsWith('segment'));
    expect(segments).toHaveLength(1);
    await subject.expectSame(await open(folder));
  });

  test('close ends the merge, whose file is gone, and it is done when the collection is opened again', async () => {
    const { subject, folder, workload, collection } = await nearlyDue();
    const gate = new Gate();
    const files: string[] = [];
    folder.wait = (name, step) => {
      if (step === 'make' && name.startsWith('segment')) files.push(name);
      return step === 'make' && name === files[1] ? gate.wait() : undefined;
    };
    await subject.change([large(workload, 'a 7')]);
    await gate.reached;
    const closed = collection.close();
    // Work that is not wanted any more ends when it takes its next breath.
    await new Promise((resolve) => setTimeout(resolve, 30));
    gate.open();
    await closed;
    expect(await folder.names()).not.toContain(files[1]);
    const again = await open(folder);
    expect(again.recovery.removedFiles).toEqual([]);
    expect(again.segmentCount).toBe(8);
    await again.idle();
    expect(again.segmentCount).toBe(1);
    await subject.expectSame(again);
    await again.close();
  });
});

test.each([
  ['its file', /^segment/],
  ['the manifest', /^manifest/],
])(
  'a merge that finds no room for %s leaves all as it was, is told, and is done with a later batch',
  async (_, refused) => {
    const folder = new FullFolder();
    const workload = new Workload(2, 1000);
    const subject = new Subject(await open(folder), workload);
    const { collection } = subject;
    await subject.change(['a', 'b', 'c', 'd'].map((id) => large(workload, id)));
    await collection.idle();
    const before = await folder.names();
    folder.refused = refused;
    await subject.change([], ['a', 'b']);
    await collection.idle();
    expect(collection.maintenanceFailure).toMatchObject({ code: 'storage-full' });
    expect(await folder.names()).toEqual(before);
    await subject.expectSame();
    folder.refused = undefined;
    await subject.change([workload.document('e')]);
    await collection.idle();
    expect(collection.maintenanceFailure).toBeUndefined();
    expect(collection.rows).toBe(2 * seal.rows + subject.model.documents.get('e')!.passages.length);
    await subject.expectSame();
  },
);

test('any order of batches, searches and compactions, none of which waits for merges, gives what a map of documents has', async () => {
  let mostSegments = 0;
  const step = fc.oneof(
    { weight: 20, arbitrary: fc.constant('batch') },
    { weight: 4, arbitrary: fc.constant('search') },
    { weight: 2, arbitrary: fc.constantFrom('compact', 'hold', 'reopen') },
  );
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 20, maxLength: 80 }),
    fc.nat(),
    async (steps, seed) => {
      const workload = new Workload(seed);
      // Segments take longer than journals, so that merges last for some batches.
      const folder = new SlowFolder(new MemoryFolder(), (name) =>
        turnsOfLoop(name.startsWith('segment') ? workload.below(8) : workload.below(2)),
      );
      let collection = await open(folder);
      let model = new Model();
      let beside: Promise<unknown>[] = [];
      for (const step of steps) {
        if (step === 'compact') beside.push(collection.compact());
        if (step === 'search')
          beside.push(collection.search({ vector: workload.vector(), k: 5, perDocument: 1 }));
        if (step === 'hold') beside.push(collection.holdFiles().then(({ release }) => release()));
        if (step === 'reopen') {
          const closed = collection.close();
          await Promise.all(beside);
          beside = [];
          await closed;
          collection = await open(folder);
        }
        if (step === 'batch') {
          const batch = workload.batch();
          await collection.apply(batch, SPACE);
          model = model.after(batch);
        }
        mostSegments = Math.max(mostSegments, collection.segmentCount);
        expect(await difference(collection, model, workload)).toBeUndefined();
      }
      await Promise.all(beside);
      await collection.idle();
      expect(collection.maintenanceFailure).toBeUndefined();
      expect(await difference(collection, model, workload)).toBeUndefined();
      await collection.close();
      const again = await open(folder);
      expect(again.recovery).toMatchObject({ tornBytes: 0, damagedRecords: 0, removedFiles: [] });
      expect(await difference(again, model, workload)).toBeUndefined();
      await again.close();
    },
  );
  await fc.assert(property, { numRuns: 40 });
  // More than there are when merges are done at once.
  expect(mostSegments).toBeGreaterThan(8);
}, 30_000);
