import fc from 'fast-check';
import { expect, test } from 'vitest';
import { forEachBit } from '../bitmap.ts';
import { buildColumns, MetadataColumns } from './columns.ts';
import { compileFilter, evaluate } from './filter.ts';
import { MetadataHead } from './head.ts';
import type { MetadataSource } from './source.ts';
import { passes } from './testing/naive-filter.ts';
import { randomFilter, randomMetadata } from './testing/random-metadata.ts';
import type { Filter, Metadata } from './types.ts';

function headOf(documents: readonly (Metadata | undefined)[]): MetadataHead {
  const head = new MetadataHead();
  for (const metadata of documents) head.add(metadata);
  return head;
}

function found(source: MetadataSource, filter: Filter): number[] {
  const documents: number[] = [];
  forEachBit(evaluate(compileFilter(filter), source), (document) => documents.push(document));
  return documents;
}

test('columns and head find what a look at each document finds', () => {
  const documents = fc.array(randomMetadata, { maxLength: 100, size: 'max' });
  const filters = fc.array(randomFilter, { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(documents, filters, (metadata, some) => {
      const columns = MetadataColumns.from(buildColumns(metadata));
      const head = headOf(metadata);
      for (const filter of some) {
        const expected = metadata.flatMap((one, i) => (passes(one, filter) ? [i] : []));
        expect(found(columns, filter)).toEqual(expected);
        expect(found(head, filter)).toEqual(expected);
      }
    }),
    { numRuns: 200 },
  );
});

test('rare and frequent values among many documents are found', () => {
  const metadata = Array.from({ length: 5000 }, (_, i) => ({
    n: i % 1000,
    kind: i % 7 === 0 ? 'rare' : 'frequent',
    id: `${i}`,
  }));
  const filters: Filter[] = [
    { n: { gte: 10, lt: 500 } },
    { kind: 'rare' },
    { kind: 'frequent', n: 7 },
    { id: ['17', '4999', 'x'] },
    { id: { startsWith: '49' } },
  ];
  const columns = MetadataColumns.from(buildColumns(metadata));
  for (const filter of filters) {
    const expected = metadata.flatMap((one, i) => (passes(one, filter) ? [i] : []));
    expect(expected.length).toBeGreaterThan(0);
    expect(found(columns, filter)).toEqual(expected);
    expect(found(headOf(metadata), filter)).toEqual(expected);
  }
});

test('a field that no document has matches nothing, and its negations everything', () => {
  const source = headOf([{ a: 1 }, undefined]);
  for (const filter of [{ b: 1 }, { b: { lt: 9 } }, { b: { exists: true } }, { toString: 'x' }]) {
    expect(found(source, filter as unknown as Filter)).toEqual([]);
    expect(found(source, { not: filter as unknown as Filter })).toEqual([0, 1]);
  }
  for (const filter of [{ b: null }, { b: { ne: 1 } }, { b: { notIn: [1] } }, { b: { exists: false } }, {}]) {
    expect(found(source, filter)).toEqual([0, 1]);
  }
});

test('an ISO date stands for the instant and for itself', () => {
  const source = headOf([
    { at: new Date('2024-05-01') },
    { at: '2024-05-01' },
    { at: new Date('2024-05-02') },
  ]);
  expect(found(source, { at: '2024-05-01' })).toEqual([0, 1]);
  expect(found(source, { at: new Date('2024-05-01') })).toEqual([0]);
  expect(found(source, { at: { gt: '2024-05-01T23:00:00-01:00' } })).toEqual([]);
  expect(found(source, { at: { gte: '2024-05-01T23:00:00-01:00' } })).toEqual([2]);
});

test('what is no filter is refused with its path', () => {
  const cases: [unknown, string][] = [
    [null, 'filter is null'],
    [[], 'filter is a list'],
    [{ a: undefined }, 'filter.a is undefined'],
    [{ a: Number.NaN }, 'filter.a is NaN'],
    [{ a: new Date(Number.NaN) }, 'filter.a is an invalid Date'],
    [{ a: {} }, 'filter.a is an object; needed: one operator'],
    [{ a: { equals: 7 } }, 'filter.a.equals is 7; needed: none of this name, but eq, ne'],
    [{ a: { toString: 7 } }, 'filter.a.toString is 7'],
    [{ a: { gt: true } }, 'filter.a.gt is true; needed: a string, number or Date'],
    [{ a: { gt: null } }, 'filter.a.gt is null'],
    [{ a: { in: 7 } }, 'filter.a.in is 7; needed: a list'],
    [{ a: { containsAll: ['x', 7] } }, 'filter.a.containsAll[1] is 7; needed: a string'],
    [{ a: { exists: 1 } }, 'filter.a.exists is 1; needed: true or false'],
    [{ 'my field': [[7]] }, 'filter["my field"][0] is a list'],
    [{ and: 7 }, 'filter.and is 7; needed: a list of filters'],
    [{ or: [{ not: undefined }] }, 'filter.or[0].not is undefined'],
    [{ fields: 7 }, 'filter.fields is 7'],
    [JSON.parse('{ "__proto__": { "x": 7 } }'), 'filter.__proto__.x is 7'],
    [{ __proto__: { a: 7 } }, 'filter is an object that is not plain'],
    [{ __proto__: { constructor: 7 } }, 'filter is an object that is not plain'],
    [{ a: new Map() }, 'filter.a is an object that is not plain'],
  ];
  for (const [filter, message] of cases) {
    const refusal = expect.objectContaining({
      code: 'invalid-input',
      message: expect.stringContaining(message),
    });
    expect(() => compileFilter(filter as Filter), message).toThrow(refusal);
  }
});

test('a filter that has itself as a part is refused', () => {
  const filter: { not?: Filter } = {};
  filter.not = filter;
  expect(() => compileFilter(filter)).toThrow(expect.objectContaining({ code: 'invalid-input' }));
});
