import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PagedTable, type RowSource } from './row-table.ts';

/** A table whose number in row r, column c is 100 r + c, and the ranges that were read of it. */
function source(rows: number): RowSource & { readonly reads: [number, number][] } {
  const columns = 3;
  const reads: [number, number][] = [];
  return {
    rows,
    columns,
    rowBytes: columns,
    reads,
    async read(first, end) {
      reads.push([first, end]);
      await Promise.resolve();
      return new Uint8Array((end - first) * columns).fill(first);
    },
    open(bytes, first) {
      expect(bytes.length % columns).toBe(0);
      expect(bytes.length).toBeGreaterThan(0);
      return (row, target, at) => {
        expect(row * columns).toBeLessThan(bytes.length);
        for (let c = 0; c < columns; c++) target[at + c] += 100 * (first + row) + c;
      };
    },
  };
}

test('every row that was asked for is there, however few pages are kept', async () => {
  const requests = fc.array(fc.array(fc.nat(999), { minLength: 1, maxLength: 60 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(requests, fc.integer({ min: 1, max: 400 }), async (batches, keptBytes) => {
      const table = new PagedTable(source(1000), { pageBytes: 21, keptBytes });
      for (const ids of batches) {
        await table.fetch(Uint32Array.from(ids));
        for (const id of ids) {
          const target = new Float32Array(5);
          table.addRow(id, target, 1);
          expect([...target]).toEqual([0, 100 * id, 100 * id + 1, 100 * id + 2, 0]);
        }
      }
    }),
  );
});

test('a page that is kept is not read again, and neighbours are read together', async () => {
  const rows = source(1000);
  const table = new PagedTable(rows, { pageBytes: 30, keptBytes: 300 });
  await table.fetch(Uint32Array.of(25, 1, 12, 995));
  expect(rows.reads.sort((a, b) => a[0] - b[0])).toEqual([
    [0, 30],
    [990, 1000],
  ]);
  await table.fetch(Uint32Array.of(3, 29, 999));
  expect(rows.reads).toHaveLength(2);
});

test('the page that was asked for the longest time ago is given up first', async () => {
  const rows = source(100);
  const table = new PagedTable(rows, { pageBytes: 30, keptBytes: 60 });
  for (const id of [0, 10, 0, 20]) await table.fetch(Uint32Array.of(id));
  expect(rows.reads).toEqual([
    [0, 10],
    [10, 20],
    [20, 30],
  ]);
  await table.fetch(Uint32Array.of(0));
  expect(rows.reads).toHaveLength(3);
  await table.fetch(Uint32Array.of(10));
  expect(rows.reads).toHaveLength(4);
});

test('a read that fails is tried again at the next call', async () => {
  const rows = source(100);
  let fails = true;
  const read = async (first: number, end: number) => {
    if (fails) throw new Error('the line is down');
    return rows.read(first, end);
  };
  const table = new PagedTable({ ...rows, read }, { pageBytes: 30 });
  await expect(table.fetch(Uint32Array.of(5))).rejects.toThrow('the line is down');
  fails = false;
  await table.fetch(Uint32Array.of(5));
  const target = new Float32Array(3);
  table.addRow(5, target, 0);
  expect([...target]).toEqual([500, 501, 502]);
});
