import { expect, test } from 'vitest';
import { crc32 } from '../../crc32.ts';
import { SternaError } from '../../errors.ts';
import { makeBitmap } from '../bitmap.ts';
import { Column } from './column.ts';
import { buildColumns, MetadataColumns } from './columns.ts';
import type { ValueTest } from './source.ts';

const QUESTIONS: readonly ValueTest[] = [
  { type: 'present' },
  { type: 'boolean', value: true },
  { type: 'number', range: {} },
  { type: 'date', range: { from: 0 } },
  { type: 'text', range: { from: 'b', to: 'sv' } },
  { type: 'text', range: {} },
];

const METADATA = Array.from({ length: 150 }, (_, i) => ({
  mixed: [i, `text ${i}`, i % 2 === 0, new Date(i), ['b', `${i % 3}`], { nested: true }][i % 6],
  language: i % 3 === 0 ? 'sv' : 'no',
}));

const corrupt = expect.objectContaining({ code: 'corrupt-file' });

test('columns are read at any place of a buffer', () => {
  const bytes = buildColumns(METADATA);
  const moved = new Uint8Array(bytes.length + 3);
  moved.set(bytes, 3);
  const columns = MetadataColumns.from(moved.subarray(3));
  expect(columns.documents).toBe(150);
  expect(columns.fields).toEqual(['mixed', 'language']);
  expect(ask(columns)).toEqual(ask(MetadataColumns.from(bytes)));
});

test('no documents, and documents without metadata, have columns', () => {
  expect(MetadataColumns.from(buildColumns([])).documents).toBe(0);
  expect(MetadataColumns.from(buildColumns([undefined, {}])).documents).toBe(2);
});

test('a later version is refused with advice', () => {
  const bytes = buildColumns(METADATA);
  bytes[4] = 2;
  expect(() => MetadataColumns.from(bytes)).toThrow(/update the library/);
});

test('a header of more documents than a bitmap may have is refused', () => {
  const bytes = buildColumns([]);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, 2 ** 32 - 1, true);
  view.setUint32(20, crc32(bytes.subarray(0, 20)), true);
  expect(() => MetadataColumns.from(bytes)).toThrow(corrupt);
});

test('damaged bytes are refused, or answer as before', () => {
  const bytes = buildColumns(METADATA);
  const before = ask(MetadataColumns.from(bytes));
  const next = randomNumbers(1);
  for (let round = 0; round < 50_000; round++) {
    const answers = refusedOr(() => ask(MetadataColumns.from(mutated(bytes, next))));
    if (answers) for (const [i, answer] of answers.entries()) expect(equalBits(answer, before[i])).toBe(true);
  }
});

test('columns with a right checksum that are not as they should be are refused, or stay within their documents', () => {
  const column = columnOf(METADATA);
  expect(() => Column.from(column, 150, 'test')).not.toThrow();
  const next = randomNumbers(2);
  for (let round = 0; round < 50_000; round++) {
    const changed = mutated(column, next);
    const answers = refusedOr(() => {
      const read = Column.from(changed, 150, 'test');
      return QUESTIONS.map((question) => answer((into) => read.match(question, into)));
    });
    for (const bits of answers ?? []) expect(bits[4] >>> 22).toBe(0);
  }
});

function ask(columns: MetadataColumns): Uint32Array[] {
  return ['mixed', 'language', '__proto__'].flatMap((field) =>
    QUESTIONS.map((question) => answer((into) => columns.match(field, question, into))),
  );
}

function answer(match: (into: Uint32Array) => void): Uint32Array {
  const into = makeBitmap(150);
  match(into);
  return into;
}

/** Undefined where it throws the error for damaged bytes; any other one fails the test. */
function refusedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SternaError && error.code === 'corrupt-file') return undefined;
    throw error;
  }
}

/** The first field's column, at a multiple of 8. */
function columnOf(metadata: readonly { mixed: unknown }[]): Uint8Array {
  const bytes = buildColumns(metadata.map(({ mixed }) => ({ mixed })));
  const directoryBytes = new DataView(bytes.buffer).getUint32(12, true);
  return bytes.slice(Math.ceil((24 + directoryBytes) / 8) * 8);
}

/** A changed byte or two, a word of an extreme, or an end cut off. */
function mutated(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  const kind = next(10);
  if (kind === 0) return bytes.slice(0, next(bytes.length));
  const changed = bytes.slice();
  // Half of the changes are to the counts at the start.
  const place = () => next(next(2) === 0 ? 40 : bytes.length);
  if (kind === 1)
    new DataView(changed.buffer).setUint32(next(bytes.length / 4) * 4, 2 ** 32 - 1 - next(2), true);
  else for (let i = 0; i <= next(2); i++) changed[place()] ^= 1 << next(8);
  return changed;
}

function equalBits(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}

/** Whole numbers below a bound, the same ones each time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
