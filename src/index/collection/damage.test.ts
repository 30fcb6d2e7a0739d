import { beforeAll, describe, expect, test } from 'vitest';
import { SternaError } from '../../errors.ts';
import { MemoryFolder } from '../files/memory-folder.ts';
import { Scanner } from '../scan/scanner.ts';
import { randomNumbers } from '../testing/vectors.ts';
import type { Batch, IndexedDocument } from './changes.ts';
import { Collection } from './collection.ts';
import { filesOf, folderOf } from './testing/copies.ts';
import { DAMAGES, type Damage } from './testing/damages.ts';
import { difference, differenceOfHits, Model, SETTINGS, SPACE, TERMS, Workload } from './testing/model.ts';

/** Places of each kind in each file. */
const PLACES = 45;
/** Hits of each search. */
const K = 12;

const scanner = Scanner.alone();

const open = (folder: MemoryFolder) =>
  Collection.open({ folder, scanner, settings: SETTINGS, seal: { rows: 120, bytes: 2 ** 22 } });

interface Made {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What is in the segments. */
  readonly sealed: Model;
  readonly journal: readonly Batch[];
  /** All of it. */
  readonly model: Model;
  /** Ids of documents that were there at some time. */
  readonly ids: readonly string[];
}

/** Segments of some pages of checksums, documents removed from them, and a journal of some batches. */
async function makeFiles(): Promise<Made> {
  const workload = new Workload(11, 150);
  const folder = new MemoryFolder();
  const collection = await open(folder);
  const ids = new Set<string>();
  let model = new Model();
  const apply = async () => {
    const batch = withLongTexts(workload.batch());
    for (const { id } of batch.put) ids.add(id);
    await collection.apply(batch, SPACE);
    model = model.after(batch);
    return batch;
  };
  while (collection.segmentCount < 3) {
    await apply();
    await collection.idle();
  }
  const sealed = model;
  const journal: Batch[] = [];
  for (let i = 0; i < 6; i++) journal.push(await apply());
  await collection.close();
  return { files: await filesOf(folder), sealed, journal, model, ids: [...ids] };
}

function withLongTexts(batch: Batch): Batch {
  return { ...batch, put: batch.put.map((one) => ({ ...one, text: one.text + ' and so on'.repeat(250) })) };
}

const replayed = (model: Model, batches: readonly Batch[]) =>
  batches.reduce((state, batch) => state.after(batch), model);

/** What may be there when a place in the journal is damaged: all but some records that follow each other. */
function statesOf({ sealed, journal }: Made): Model[] {
  const states: Model[] = [];
  for (let from = 0; from < journal.length; from++) {
    for (let to = from + 1; to <= journal.length; to++)
      states.push(replayed(sealed, [...journal.slice(0, from), ...journal.slice(to)]));
  }
  return states;
}

/** Says what differs from a state; nothing where nothing does. */
type Check = (state: Model) => string | undefined;

/** Asks for everything that a collection has. @returns checks of all answers, and how many questions were refused because of damage. */
async function answersOf(
  collection: Collection,
  ids: readonly string[],
): Promise<{ checks: Check[]; refused: number }> {
  const checks: Check[] = [];
  let refused = 0;
  const ask = async <Answer>(
    question: () => Answer | Promise<Answer>,
    check: (answer: Answer, state: Model) => string | undefined,
  ) => {
    try {
      const answer = await question();
      checks.push((state) => check(answer, state));
    } catch (error) {
      expectCorrupt(error);
      refused++;
    }
  };
  checks.push((state) => (collection.size === state.documents.size ? undefined : 'there are others'));
  for (const id of ids) {
    await ask(
      () => collection.passages(id),
      (found, { documents }) => {
        const document = documents.get(id);
        const plain = (one: Pick<IndexedDocument, 'text' | 'metadata' | 'passages'> | undefined) =>
          JSON.stringify([
            one?.text,
            one?.metadata,
            one?.passages.map(({ start, end, vector }) => [start, end, ...vector]),
          ]);
        return plain(found) === plain(document) ? undefined : `${id} is another one`;
      },
    );
    await ask(
      () => collection.hash(id),
      (hash, { documents }) => (hash === documents.get(id)?.hash ? undefined : `${id} has another hash`),
    );
  }
  const workload = new Workload(5);
  for (let i = 0; i < 3; i++) {
    const vector = workload.vector();
    await ask(
      () => collection.search({ vector, k: K, perDocument: K }),
      (hits, state) =>
        differenceOfHits(hits, state.ranked(vector).slice(0, K)) ??
        (hits.every(({ id, text }) => text === state.documents.get(id)?.text) ? undefined : 'another text'),
    );
  }
  for (let term = 0; term < TERMS; term++) {
    const terms = Uint32Array.of(term);
    await ask(
      () => collection.search({ terms, k: 1000, perDocument: 1000 }),
      (hits, state) => {
        const places = hits.map(({ id, start }) => `${id} ${start}`).sort();
        return `${places}` === `${state.withTerms(terms).sort()}` ? undefined : `term ${term} is elsewhere`;
      },
    );
  }
  return { checks, refused };
}

/** The number of the first state that all answers are right for; −1 where there is none. */
function stateOf(checks: readonly Check[], states: readonly Model[]): number {
  return states.findIndex((state) => checks.every((check) => check(state) === undefined));
}

function expectCorrupt(error: unknown): void {
  if (!(error instanceof SternaError)) throw error;
  expect(error.code).toBe('corrupt-file');
}

/** What becomes of a folder with a damaged file: it is refused when it is opened or read, repaired, or what is lost is told. */
type Outcome = 'refused at once' | 'refused when read' | 'repaired' | 'told';

async function outcomeOf(made: Made, name: string, bytes: Uint8Array): Promise<Outcome> {
  const folder = await folderOf(new Map([...made.files, [name, bytes]]));
  let collection: Collection;
  try {
    collection = await open(folder);
  } catch (error) {
    expectCorrupt(error);
    return 'refused at once';
  }
  try {
    const { checks, refused } = await answersOf(collection, made.ids);
    const isOfJournal = name.startsWith('journal');
    const states = isOfJournal ? statesOf(made) : [made.model];
    expect(stateOf(checks, states)).toBeGreaterThanOrEqual(0);
    if (refused > 0) return 'refused when read';
    const { tornBytes, damagedRecords, replayed } = collection.recovery;
    if (!isOfJournal) {
      // Only manifests are there twice.
      expect(name).toMatch(/^manifest/);
      expect((await filesOf(folder)).get(name)).toEqual(made.files.get(name));
      return 'repaired';
    }
    expect(replayed).toBeLessThan(made.journal.length);
    // A journal that ends at the end of a record is whole: nobody can tell.
    const isCutBetween = tornBytes === 0 && damagedRecords === 0;
    if (isCutBetween) expect(bytes.length).toBeLessThan(made.files.get(name)!.length);
    return 'told';
  } finally {
    await collection.close();
  }
}

describe('damage', () => {
  let made: Made;
  beforeAll(async () => {
    made = await makeFiles();
  });

  test('at any of a thousand places is refused, repaired or told, and no answer is wrong', async () => {
    const kinds = [...made.files.keys()].map((name) => name.split('-')[0]).sort();
    expect(kinds.filter((kind) => kind === 'segment')).toHaveLength(3);
    expect(new Set(kinds)).toEqual(new Set(['deleted', 'journal', 'manifest', 'segment']));
    const random = randomNumbers(3);
    const counts = new Map<Outcome, number>();
    let places = 0;
    for (const [name, bytes] of made.files) {
      for (const kind of Object.keys(DAMAGES) as Damage[]) {
        for (let i = 0; i < PLACES; i++) {
          const damaged = DAMAGES[kind](bytes, random);
          const outcome = await outcomeOf(made, name, damaged).catch((cause) => {
            throw new Error(`${kind} ${i} in ${name}: ${(cause as Error).message}`, { cause });
          });
          counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
          places++;
        }
      }
    }
    expect(places).toBeGreaterThanOrEqual(1000);
    expect(counts.get('refused at once')).toBeGreaterThan(300);
    expect(counts.get('refused when read')).toBeGreaterThan(50);
    expect(counts.get('repaired')).toBe(2 * 3 * PLACES);
    expect(counts.get('told')).toBe(3 * PLACES);
  }, 60_000);

  test('in the middle of the journal costs the records that it hits, and those behind them are found', async () => {
    const { files, sealed, journal } = made;
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
    const files = copyOf(made.files);
    for (const name of ['manifest-a', 'manifest-b']) files.get(name)![20] ^= 1;
    await expect(open(await folderOf(files))).rejects.toMatchObject({ code: 'corrupt-file' });
  });

  test('is mended in one manifest, so that the other one may be damaged later', async () => {
    const files = copyOf(made.files);
    const { model } = made;
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
    const { files, sealed } = made;
    const collection = await open(await folderOf([...files].filter(([name]) => !name.startsWith('journal'))));
    expect(collection.recovery.damagedRecords).toBe(1);
    expect(await difference(collection, sealed, new Workload(1))).toBeUndefined();
    await collection.close();
  });

  test('texts full of what looks like records are searched in bounded time', async () => {
    const { files } = made;
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

function copyOf(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...files].map(([name, bytes]) => [name, bytes.slice()]));
}
