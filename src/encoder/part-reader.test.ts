import { expect, test } from 'vitest';
import type { Checkpoint } from '../loader/checkpoint.ts';
import { PartReader } from './part-reader.ts';
import type { Part, Role } from './parts.ts';

/** A table of halves, each row of which has its number in every column. */
function checkpointOf(
  name: string,
  rows: number,
  columns: number,
): Checkpoint & { readonly reads: number[] } {
  const reads: number[] = [];
  const readRows = async (_: string, first: number, end: number) => {
    reads.push(end - first);
    const values = new Float32Array((end - first) * columns);
    for (let row = first; row < end; row++)
      values.fill(row, (row - first) * columns, (row + 1 - first) * columns);
    return new Uint8Array(values.buffer);
  };
  const info = {
    name,
    file: 'model.safetensors',
    dtype: 'F32',
    shape: [rows, columns],
    start: 0,
    end: 4 * rows * columns,
  };
  return { tensors: new Map([[name, info]]), reads, readRows, read: (one) => readRows(one, 0, rows) };
}

const part = (role: Role, name: string, rows: number, columns: number): Part => ({
  role,
  tensors: [name],
  shape: [rows, columns],
  rows,
  columns,
});

test('positions are all there, however many: l-v2.0 has 33.6 megabytes of them', async () => {
  const checkpoint = checkpointOf('positions', 8194, 1024);
  const reader = new PartReader(checkpoint, [], {});
  const table = await reader.table(part('positions', 'positions', 8194, 1024));
  expect(table.fetch).toBeUndefined();
  const target = new Float32Array(1024);
  table.addRow(8193, target, 0);
  expect(target[1023]).toBe(8193);
});

test.each([
  ['a large table of words', 10_000, false],
  ['a small one that is far away', 100, true],
])('%s is read where it is asked for', async (_, rows, onDemand) => {
  const checkpoint = { ...checkpointOf('words', rows, 1024), onDemand };
  const table = await new PartReader(checkpoint, [], {}).table(part('words', 'words', rows, 1024));
  expect(checkpoint.reads).toEqual([]);
  await table.fetch?.(Uint32Array.of(rows - 1));
  expect(checkpoint.reads).toEqual([expect.any(Number)]);
  expect(checkpoint.reads[0]).toBeLessThan(rows);
  const target = new Float32Array(1024);
  table.addRow(rows - 1, target, 0);
  expect(target[0]).toBe(rows - 1);
});
