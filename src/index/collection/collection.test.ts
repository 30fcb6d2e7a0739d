import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { NodeIndexFolder } from '../../node/index-folder.ts';
import type { IndexFolder } from '../files/folder.ts';
import { MemoryFolder } from '../files/memory-folder.ts';
import { passes } from '../metadata/testing/naive-filter.ts';
import { Scanner } from '../scan/scanner.ts';
import type { IndexedDocument } from './changes.ts';
import { Collection, type SealLimits } from './collection.ts';
import { FORMAT_VERSION } from './manifest.ts';
import {
  DIMENSIONS,
  difference,
  differenceOfHits,
  Model,
  SETTINGS,
  SPACE,
  Workload,
} from './testing/model.ts';
import { writeTwins } from './twin-files.ts';

const scanner = Scanner.alone();
const SMALL: SealLimits = { rows: 6, bytes: 2 ** 16 };
const scratch = mkdtempSync(join(tmpdir(), 'collection-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let folders = 0;
const KINDS: Record<string, () => IndexFolder> = {
  'in memory': () => new MemoryFolder(),
  'on a disk': () => new NodeIndexFolder(join(scratch, `${++folders}`)),
};

function open(folder: IndexFolder = new MemoryFolder(), options = {}): Promise<Collection> {
  return Collection.open({ folder, scanner, settings: SETTINGS, seal: SMALL, ...options });
}

let operations = 0;

/** Puts documents in, as an operation of its own. */
function put(collection: Collection, ...documents: IndexedDocument[]): Promise<void> {
  return collection.apply({ operation: `put ${++operations}`, remove: [], put: documents }, SPACE);
}

function remove(collection: Collection, ...ids: string[]): Promise<void> {
  return collection.apply({ operation: `remove ${++operations}`, remove: ids, put: [] });
}

function documentOf(id: string, more: Partial<IndexedDocument> = {}): IndexedDocument {
  return { ...new Workload(1).document(id), ...more };
}

function unit(axis: number): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  vector[axis] = 1;
  return vector;
}

const passageOf = (vector: Float32Array, start = 0) => ({ start, end: start + 1, vector });

describe.each(Object.keys(KINDS))('a collection %s', (kind) => {
  test('has what a map of documents has, whatever is done with it', async () => {
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.constant('batch') },
      { weight: 2, arbitrary: fc.constantFrom('idle', 'reopen') },
      { weight: 1, arbitrary: fc.constant('compact') },
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(), async (steps, seed) => {
      const workload = new Workload(seed);
      const folder = KINDS[kind]();
      let collection = await open(folder);
      let model = new Model();
      for (const step of steps) {
        if (step === 'idle') await collection.idle();
        if (step === 'compact') await collection.compact();
        if (step === 'reopen') {
          await collection.close();
          collection = await open(folder);
        }
        if (step === 'batch') {
          const batch = workload.batch();
          await collection.apply(batch, SPACE);
          model = model.after(batch);
        }
        expect(await difference(collection, model, workload)).toBeUndefined();
      }
      expect(collection.maintenanceFailure).toBeUndefined();
      await collection.close();
    });
    await fc.assert(property, { numRuns: kind === 'in memory' ? 40 : 6 });
  });
});

describe('a collection', () => {
  test('seals its head when it is full, and merges segments of about one size', async () => {
    const workload = new Workload(1, 10_000);
    const folder = new MemoryFolder();
    const collection = await open(folder);
    let most = 0;
    for (let i = 0; i < 40; i++) {
      await put(collection, workload.document(`document ${i}`), workload.document(`other ${i}`));
      await collection.idle();
      most = Math.max(most, collection.segmentCount);
    }
    expect(most).toBe(7);
    expect(collection.size).toBe(80);
    const segments = (await folder.names()).filter((name) => name.startsWith('segment'));
    expect(segments).toHaveLength(collection.segmentCount);
  });

  test('has one segment and nothing of what was removed after compact', async () => {
    const workload = new Workload(2, 10_000);
    const collection = await open();
    for (let i = 0; i < 30; i++) await put(collection, workload.document(`document ${i}`));
    await remove(collection, 'document 3', 'document 4');
    await collection.compact();
    expect(collection.segmentCount).toBe(1);
    const passages = [...collection.ids()].map((id) => collection.passages(id)!.passages.length);
    expect(collection.rows).toBe(passages.reduce((sum, count) => sum + count));
    expect(collection.has('document 3')).toBe(false);
  });

  test('that is emptied has no segment after compact, and takes documents again', async () => {
    const collection = await open();
    await put(collection, documentOf('a'));
    await collection.compact();
    await remove(collection, 'a');
    await collection.compact();
    expect([collection.size, collection.rows, collection.segmentCount]).toEqual([0, 0, 0]);
    await put(collection, documentOf('a'));
    expect([...collection.ids()]).toEqual(['a']);
  });

  test('does an operation once, also after it was opened again and its journal has become a segment', async () => {
    const folder = new MemoryFolder();
    let collection = await open(folder);
    const batch = { operation: 'mine', remove: [], put: [documentOf('a')] };
    await collection.apply(batch, SPACE);
    await remove(collection, 'a');
    for (const seal of [false, true]) {
      await collection.apply(batch, SPACE);
      expect(collection.has('a')).toBe(false);
      if (seal) await collection.compact();
      await collection.close();
      collection = await open(folder);
    }
    await collection.apply(batch, SPACE);
    expect(collection.has('a')).toBe(false);
  });

  test('refuses vectors of another space, and names both', async () => {
    const collection = await open();
    await put(collection, documentOf('a'));
    const other = { id: 'space of others', dimensions: DIMENSIONS };
    await expect(
      collection.apply({ operation: 'b', remove: [], put: [documentOf('b')] }, other),
    ).rejects.toMatchObject({
      code: 'space-mismatch',
      message: expect.stringMatching(/space of tests.*space of others/),
    });
    expect([...collection.ids()]).toEqual(['a']);
  });

  test.each([
    ['an empty id', { id: '' }, 'invalid-input'],
    ['an id with half a character', { id: 'a\ud800' }, 'invalid-input'],
    ['a hash that is none', { hash: 'abc' }, 'invalid-input'],
    ['a range beyond its text', { text: '', passages: [passageOf(unit(0))] }, 'invalid-input'],
    ['a vector of another length', { passages: [passageOf(new Float32Array(3))] }, 'invalid-vector'],
    ['a vector with NaN', { passages: [passageOf(unit(0).fill(Number.NaN))] }, 'invalid-vector'],
    ['metadata that would not come back', { metadata: { is: Number.NaN } }, 'invalid-input'],
  ])('refuses a document with %s, and nothing of its batch is there', async (_, wrong, code) => {
    const folder = new MemoryFolder();
    const collection = await open(folder);
    await expect(put(collection, documentOf('good'), documentOf('bad', wrong))).rejects.toMatchObject({
      code,
    });
    expect(collection.size).toBe(0);
    await collection.close();
    expect((await open(folder)).recovery).toMatchObject({ replayed: 0, tornBytes: 0, damagedRecords: 0 });
  });

  test('refuses documents before it knows the space of their vectors', async () => {
    const collection = await open();
    const batch = { operation: 'a', remove: [], put: [documentOf('a', { passages: [] })] };
    await expect(collection.apply(batch)).rejects.toMatchObject({ code: 'invalid-input' });
    await remove(collection, 'nobody');
    expect(await collection.search({ vector: unit(0), k: 3, perDocument: 1 })).toEqual([]);
  });

  test('keeps texts of any length and form, and metadata', async () => {
    const folder = new MemoryFolder();
    const texts = ['', '\ufeffa', 'half \ud800 a character \udfff', '\u0000', 'å😀', 'x'.repeat(10_000_000)];
    const metadata = { when: new Date(5), ['__proto__']: 7, deep: [{ a: -0 }] };
    let collection = await open(folder);
    for (const [i, text] of texts.entries())
      await put(collection, documentOf(`${i}`, { text, metadata, passages: [] }));
    for (const step of ['head', 'reopened', 'sealed', 'reopened']) {
      if (step === 'sealed') await collection.compact();
      if (step === 'reopened') {
        await collection.close();
        collection = await open(folder);
      }
      for (const [i, text] of texts.entries()) {
        const stored = collection.get(`${i}`)!;
        expect(stored.text === text).toBe(true);
        expect(stored.metadata).toEqual(metadata);
        expect(Object.keys(stored.metadata!)).toContain('__proto__');
      }
    }
  });

  test('takes any id', async () => {
    const property = fc.asyncProperty(
      fc.uniqueArray(fc.string({ minLength: 1, unit: 'binary' }), { minLength: 1, maxLength: 20 }),
      async (some) => {
        const ids = new Set([...some, '__proto__', 'constructor', 'å', 'a\u030a', '\ufeff', 'x'.repeat(300)]);
        const folder = new MemoryFolder();
        let collection = await open(folder);
        await put(collection, ...[...ids].map((id) => documentOf(id)));
        await collection.compact();
        await collection.close();
        collection = await open(folder);
        expect(new Set(collection.ids())).toEqual(ids);
        for (const id of ids) expect(collection.get(id)?.id).toBe(id);
        await collection.close();
      },
    );
    await fc.assert(property, { numRuns: 15 });
  });

  test('orders equal scores by id, then by place, wherever the documents lie', async () => {
    const collection = await open();
    const ids = ['e', 'b', 'd', 'a', 'c', 'f', 'ab'];
    for (const id of ids)
      await put(collection, documentOf(id, { passages: [passageOf(unit(2), 0), passageOf(unit(2), 1)] }));
    const expected = [...ids].sort().flatMap((id) => [`${id} 0`, `${id} 1`]);
    for (const k of [1, 3, 5, 20]) {
      const hits = await collection.search({ vector: unit(2), k, perDocument: 9 });
      expect(hits.map(({ id, start }) => `${id} ${start}`)).toEqual(expected.slice(0, k));
    }
  });

  test('gives as many passages of a document as are asked for, and fills up with others', async () => {
    const collection = await open();
    const many = Array.from({ length: 40 }, (_, i) => passageOf(unit(0), i));
    await put(collection, documentOf('long', { text: 'x'.repeat(50), passages: many }));
    await put(collection, documentOf('short', { passages: [passageOf(unit(1))] }));
    for (const [perDocument, expected] of [
      [1, ['long', 'short']],
      [2, ['long', 'long', 'short']],
    ] as const) {
      const hits = await collection.search({ vector: unit(0), k: 10, perDocument });
      expect(hits.map(({ id }) => id)).toEqual(expected);
    }
  });

  test('finds the best of the documents that a filter lets through', async () => {
    const workload = new Workload(9, 1000);
    const collection = await open();
    let model = new Model();
    for (let i = 0; i < 40; i++) {
      const batch = workload.batch();
      await collection.apply(batch, SPACE);
      model = model.after(batch);
    }
    const filters = [
      { half: true },
      { number: { gt: 2 ** 30 } },
      { not: { half: true } },
      { half: 'no' },
      {},
    ];
    for (const filter of filters) {
      const vector = workload.vector();
      const hits = await collection.search({ vector, k: 10, perDocument: 10, filter });
      const expected = model.ranked(vector, ({ metadata }) => passes(metadata, filter));
      expect(differenceOfHits(hits, expected.slice(0, 10))).toBeUndefined();
    }
  });

  test('leaves out what is below minScore', async () => {
    const collection = await open();
    await put(collection, documentOf('near', { passages: [passageOf(unit(0))] }));
    await put(collection, documentOf('far', { passages: [passageOf(unit(1))] }));
    const hits = await collection.search({ vector: unit(0), k: 5, perDocument: 1, minScore: 0.5 });
    expect(hits.map(({ id }) => id)).toEqual(['near']);
  });

  test('finds by vector and by words together, with the scores of both', async () => {
    const collection = await open();
    const passage = (axis: number, ...terms: number[]) => ({
      ...passageOf(unit(axis)),
      terms: Uint32Array.from(terms),
    });
    await put(collection, documentOf('both', { passages: [passage(0, 7)] }));
    await put(collection, documentOf('vector', { passages: [passage(0, 8)] }));
    await put(collection, documentOf('words', { passages: [passage(1, 7)] }));
    await collection.compact();
    const hits = await collection.search({ vector: unit(0), terms: Uint32Array.of(7), k: 3, perDocument: 1 });
    expect(hits[0].id).toBe('both');
    const scoresOf = (id: string) => hits.find((hit) => hit.id === id)!.scores;
    expect(scoresOf('both').vector).toBeCloseTo(1);
    expect(scoresOf('both').lexical).toBeGreaterThan(0);
    expect(scoresOf('vector').lexical).toBeUndefined();
    expect(scoresOf('words').lexical).toBe(scoresOf('both').lexical);
  });

  test('refuses vectors that are not of unit length, and keeps what there is', async () => {
    const collection = await open();
    await put(collection, documentOf('tern', { passages: [passageOf(unit(0))] }));
    for (const length of [0, 0.5, 3]) {
      const vector = unit(1).map((x) => length * x);
      const refused = put(collection, documentOf('long', { passages: [passageOf(vector)] }));
      await expect(refused).rejects.toMatchObject({ code: 'invalid-vector' });
      await expect(refused).rejects.toThrow(`has the length ${length}; needed: 1.`);
    }
    await collection.compact();
    expect([...collection.ids()]).toEqual(['tern']);
  });

  test('answers searches of several rounds while documents come in, whatever was removed', async () => {
    const seal = { rows: 10_000, bytes: 2 ** 24 };
    // One document of many passages that are nearest: only a second round goes beyond them.
    const passages = Array.from({ length: 20 }, () => passageOf(unit(0)));
    const near = documentOf('near', { text: 'near', passages });
    for (let moment = 0; moment < 300; moment++) {
      const collection = await open(new MemoryFolder(), { seal });
      await put(collection, documentOf('gone', { passages: [passageOf(unit(0))] }), near);
      await remove(collection, 'gone');
      const others = Array.from({ length: 15 }, (_, i) =>
        documentOf(`${i}`, { passages: [passageOf(unit(1 + (i % (DIMENSIONS - 1))))] }),
      );
      const puts = others.map((document) => put(collection, document));
      for (let turn = 0; turn < moment; turn++) await Promise.resolve();
      const terms = moment % 2 ? Uint32Array.of(1, 2) : undefined;
      const hits = await collection.search({ vector: unit(0), terms, k: 3, perDocument: 1 });
      expect(hits[0].id).toBe('near');
      await Promise.all(puts);
      await collection.close();
    }
  });

  test('seals what came in while its files were held, when they are let go', async () => {
    const workload = new Workload(6);
    const collection = await open();
    await put(collection, workload.document('first'));
    const { release } = await collection.holdFiles();
    const before = collection.segmentCount;
    for (let i = 0; i < 12; i++)
      await put(collection, documentOf(`${i}`, { passages: [passageOf(unit(i % DIMENSIONS))] }));
    await collection.idle();
    expect(collection.segmentCount).toBe(before);
    release();
    await collection.idle();
    expect(collection.segmentCount).toBeGreaterThan(before);
  });

  test.each(['int8', 'int4', 'binary'] as const)(
    'keeps vectors in %s, and finds nearly the same',
    async (codes) => {
      const workload = new Workload(3, 10_000);
      const settings = { ...SETTINGS, codes, rerank: codes === 'binary' ? ('int8' as const) : undefined };
      const folder = new MemoryFolder();
      let collection = await open(folder, { settings, seal: { rows: 400, bytes: 2 ** 24 } });
      let model = new Model();
      for (let i = 0; i < 20; i++) {
        const documents = Array.from({ length: 30 }, (_, j) => workload.document(`document ${i} ${j}`));
        const batch = { operation: `${i}`, remove: [], put: documents };
        await collection.apply(batch, SPACE);
        model = model.after(batch);
      }
      await collection.compact();
      await collection.close();
      collection = await open(folder);
      expect(collection.settings.codes).toBe(codes);
      const coded = [...model.documents.values()].find(({ passages }) => passages.length > 0)!;
      expect(collection.passages(coded.id)!.passages[0].vector).not.toEqual(coded.passages[0].vector);
      const vector = workload.vector();
      const [best] = await collection.search({ vector, k: 1, perDocument: 1, exact: true });
      const [expected] = model.ranked(vector);
      expect(best.score).toBeGreaterThan(expected.cosine - 0.15);
      expect(collection.size).toBe(model.documents.size);
    },
  );

  test('keeps the files of an export until they are released', async () => {
    const workload = new Workload(4, 1000);
    const folder = new MemoryFolder();
    const collection = await open(folder);
    for (let i = 0; i < 20; i++) await collection.apply(workload.batch(), SPACE);
    const { manifest, release } = await collection.holdFiles();
    const read = () =>
      Promise.all(manifest.segments.map(({ file, bytes }) => collection.readFile(file, 0, bytes)));
    const before = await read();
    for (let i = 0; i < 20; i++) await collection.apply(new Workload(50 + i).batch(), SPACE);
    await collection.compact();
    expect(await read()).toEqual(before);
    release();
    release();
    await remove(collection, 'document 1');
    await collection.compact();
    const segments = (await folder.names()).filter((name) => name.startsWith('segment'));
    expect(segments).toHaveLength(1);
  });

  test('that is closed refuses everything, and what was under way is done', async () => {
    const folder = new MemoryFolder();
    const collection = await open(folder);
    const added = put(collection, documentOf('a'));
    await collection.close();
    await added;
    await collection.close();
    await expect(put(collection, documentOf('b'))).rejects.toMatchObject({ code: 'disposed' });
    await expect(collection.search({ vector: unit(0), k: 1, perDocument: 1 })).rejects.toMatchObject({
      code: 'disposed',
    });
    expect([...(await open(folder)).ids()]).toEqual(['a']);
  });

  test('of a later version of the format is refused with advice, and nothing of it is touched', async () => {
    const folder = new MemoryFolder();
    await (await open(folder)).close();
    await writeTwins(folder, 'manifest', { version: FORMAT_VERSION + 1, generation: 9 });
    await (await folder.open('segment-77', { create: true }))!.flush();
    await expect(open(folder)).rejects.toMatchObject({
      code: 'corrupt-file',
      message: expect.stringContaining('update the library'),
    });
    expect(await folder.names()).toContain('segment-77');
  });

  test('removes files that belong to nothing when it is opened, and no others', async () => {
    const folder = new MemoryFolder();
    await (await open(folder)).close();
    for (const name of ['segment-9', 'journal-8', 'deleted-7', 'notes'])
      await folder.open(name, { create: true });
    const { recovery } = await open(folder);
    expect([...recovery.removedFiles].sort()).toEqual(['deleted-7', 'journal-8', 'segment-9']);
    expect(await folder.names()).toContain('notes');
  });
});
