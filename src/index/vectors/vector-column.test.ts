import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scanner } from '../scan/scanner.ts';
import { randomVectors } from '../testing/vectors.ts';
import { calibrateRange } from './calibrate.ts';
import { CODE_KINDS } from './code-layout.ts';
import { VectorColumn } from './vector-column.ts';

const { heap } = Scanner.alone();

function bytesOf(column: VectorColumn): Uint8Array {
  return new Uint8Array([...column.codes()].flatMap((piece) => [...piece]));
}

function rowsOf(column: VectorColumn): number[][] {
  return Array.from({ length: column.length }, (_, row) => [...column.row(row)]);
}

describe.each(CODE_KINDS)('a column of %s codes', (kind) => {
  const spec = (dimensions: number) => ({ kind, dimensions, range: 0.5 });

  test('keeps numbers as near as its codes allow', () => {
    const vectors = randomVectors(50, 200, 1);
    const range = calibrateRange(kind, vectors);
    const column = new VectorColumn(heap, { kind, dimensions: 200, range });
    column.append(vectors);
    const bound = { float32: 0, int8: range / 254 + 1e-7, int4: range / 15 + 1e-7, binary: 1 }[kind];
    const within = [...vectors].filter((x) => Math.abs(x) <= range).length;
    const near = [...vectors].filter(
      (x, i) => Math.abs(column.row(Math.floor(i / 200))[i % 200] - x) <= bound,
    );
    expect(near.length).toBeGreaterThanOrEqual(within);
    column.dispose();
  });

  test('comes back from its bytes, and goes on growing, whatever is done to it', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ add: fc.integer({ min: 1, max: 40 }) }),
        fc.record({ remove: fc.nat() }),
        fc.constant({ reload: true }),
      ),
      { maxLength: 25 },
    );
    const used = heap.used;
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 140 }), (all, dimensions) => {
        let column = new VectorColumn(heap, spec(dimensions));
        const rows: number[][] = [];
        for (const [i, step] of all.entries()) {
          if ('add' in step) {
            const vectors = randomVectors(step.add, dimensions, i);
            column.append(vectors);
            const single = new VectorColumn(heap, spec(dimensions));
            single.append(vectors);
            rows.push(...rowsOf(single));
            single.dispose();
          } else if ('remove' in step && rows.length > 0) {
            const at = step.remove % rows.length;
            column.copyRow(rows.length - 1, at);
            column.truncate(rows.length - 1);
            rows[at] = rows[rows.length - 1];
            rows.pop();
          } else {
            const bytes = bytesOf(column);
            expect(bytes.length).toBe(column.byteLength);
            const copy = VectorColumn.load(heap, spec(dimensions), column.length, (codes) =>
              codes.set(bytes),
            );
            column.dispose();
            column = copy;
          }
          expect(rowsOf(column)).toEqual(rows);
        }
        column.dispose();
        expect(heap.used).toBe(used);
      }),
      { numRuns: 30 },
    );
  });

  test('of several blocks has the bytes of its rows in the order of the file', async () => {
    const column = new VectorColumn(heap, spec(130));
    const vectors = randomVectors(2500, 130, 3);
    for (let row = 0; row < 2500; row += 700) column.append(vectors.subarray(row * 130, (row + 700) * 130));
    const bytes = bytesOf(column);
    const copy = await VectorColumn.loadAsync(heap, spec(130), 2500, async (start, end) =>
      bytes.slice(start, end),
    );
    expect(rowsOf(copy)).toEqual(rowsOf(column));
    const some = new VectorColumn(heap, spec(130));
    some.appendRows(copy, [2499, 0, 1024]);
    expect(rowsOf(some)).toEqual([2499, 0, 1024].map((row) => [...column.row(row)]));
    for (const each of [column, copy, some]) each.dispose();
  });
});

test('codes lie where the format says', () => {
  const vectors = Float32Array.from({ length: 2 * 200 }, (_, i) => ((i % 200) - 100) / 127);
  const codes = (kind: 'int8' | 'int4' | 'binary' | 'float32') => {
    const column = new VectorColumn(heap, { kind, dimensions: 200, range: 1 });
    column.append(vectors);
    const bytes = bytesOf(column);
    column.dispose();
    return bytes;
  };
  const int8 = new Int8Array(codes('int8').buffer);
  expect(int8.length).toBe(2 * 256);
  // Dimension 70 of row 1: plane 1, of 2 rows of 64 bytes.
  expect(int8[128 + 64 + 6]).toBe(-30);
  expect([...int8.subarray(3 * 128 + 8, 3 * 128 + 64)]).toEqual(Array(56).fill(0));
  const int4 = codes('int4');
  const u = (dimension: number) => Math.round(((dimension - 100) / 127) * 7.5 + 7.5);
  // Dimensions 5 and 69 of row 1, and 130 and 194 of row 0.
  expect(int4[64 + 5]).toBe(u(5) | (u(69) << 4));
  expect(int4[128 + 2]).toBe(u(130) | (u(194) << 4));
  const binary = codes('binary');
  expect(binary.length).toBe(2 * 32);
  expect([...binary.subarray(32, 57)]).toEqual([...Array(12).fill(0), 0b11100000, ...Array(12).fill(255)]);
  expect(new Float32Array(codes('float32').buffer)[200 + 7]).toBe(vectors[7]);
});

test('the range of least error cuts some of the largest numbers off', () => {
  const vectors = randomVectors(500, 256, 1);
  const largest = vectors.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const error = (range: number) =>
    vectors.reduce((sum, x) => {
      const u = Math.min(15, Math.max(0, Math.round((x / range) * 7.5 + 7.5)));
      return sum + (x - ((u - 7.5) * range) / 7.5) ** 2;
    }, 0);
  const range = calibrateRange('int4', vectors);
  expect(range).toBeLessThan(0.9 * largest);
  for (const factor of [0.7, 0.85, 1.15, 1.4]) expect(error(range)).toBeLessThan(error(range * factor));
});
