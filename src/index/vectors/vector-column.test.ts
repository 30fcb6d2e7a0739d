import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scanner } from '../scan/scanner.ts';
import { randomVectors } from '../testing/vectors.ts';
import { CODE_KINDS, type CodeKind } from './code-layout.ts';
import { meanOf } from './mean.ts';
import { Rotation } from './rotation.ts';
import { VectorColumn } from './vector-column.ts';

const { heap } = Scanner.alone();

function bytesOf(column: VectorColumn): Uint8Array {
  return new Uint8Array([...column.codes()].flatMap((piece) => [...piece]));
}

function rowsOf(column: VectorColumn): number[][] {
  return Array.from({ length: column.length }, (_, row) => [...column.row(row)]);
}

/** A mean that is not that of the vectors. */
function slanted(dimensions: number): Float32Array {
  return Float32Array.from({ length: dimensions }, (_, i) => 0.02 * Math.sin(i));
}

describe.each(CODE_KINDS)('a column of %s codes', (kind) => {
  const spec = (dimensions: number) => ({ kind, dimensions, mean: slanted(dimensions) });

  test('keeps numbers as near as its codes allow', () => {
    const vectors = randomVectors(50, 200, 1);
    const mean = meanOf(vectors, 200);
    const rotation = new Rotation(200);
    const column = new VectorColumn(heap, { kind, dimensions: 200, mean });
    column.append(vectors);
    for (let row = 0; row < 50; row++) {
      const numbers = column.row(row);
      const own = vectors.subarray(200 * row, 200 * row + 200);
      const rest = [...own].map((x, i) => x - mean[i]);
      const largest = Math.max(...rotation.apply(rest).map(Math.abs));
      const share = Math.hypot(...numbers.map((x, i) => x - own[i])) / Math.hypot(...rest);
      if (kind === 'float32') expect(share).toBe(0);
      if (kind === 'int4') expect(share).toBeLessThan(0.15);
      if (kind === 'binary') expect(share).toBeLessThan(0.7);
      // Half a step, and a step is at most 1/32 wider than the largest number needs.
      const bound = ((largest * 33) / 32 / 254) * 1.0001;
      if (kind === 'int8')
        for (const error of rotation.apply(numbers.map((x, i) => x - own[i])))
          expect(Math.abs(error)).toBeLessThan(bound);
    }
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

/** The numbers that a factor's byte can mean. */
const FACTORS = Array.from({ length: 256 }, (_, byte) => 2 ** ((byte >> 5) - 6) * (1 + (byte & 31) / 32));

test('codes lie where the format says', () => {
  const number = (dimension: number) => (dimension - 99.5) / 127;
  const turned = Float64Array.from({ length: 200 }, (_, i) => number(i));
  new Rotation(200).undo(turned);
  const vectors = Float32Array.from({ length: 2 * 200 }, (_, i) => turned[i % 200]);
  const codes = (kind: CodeKind) => {
    const column = new VectorColumn(heap, { kind, dimensions: 200 });
    column.append(vectors);
    const bytes = bytesOf(column);
    column.dispose();
    return bytes;
  };
  // The largest number is 99.5 / 127, and the least factor above it 51 / 64.
  const steps = 127 / (51 / 64);
  const int8 = new Int8Array(codes('int8').buffer);
  expect(int8.length).toBe(2 * 257);
  // Dimension 70 of row 1: plane 1, of 2 rows of 64 bytes.
  expect(int8[128 + 64 + 6]).toBe(Math.round(number(70) * steps));
  expect([...int8.subarray(3 * 128 + 8, 3 * 128 + 64)]).toEqual(Array(56).fill(0));
  expect([...codes('int8').subarray(512)].map((byte) => FACTORS[byte])).toEqual([51 / 64, 51 / 64]);
  const int4 = codes('int4');
  const u = (dimension: number) => Math.round((number(dimension) / (51 / 64)) * 7.5 + 7.5);
  // Dimensions 5 and 69 of row 1, and 130 and 194 of row 0.
  expect(int4[64 + 5]).toBe(u(5) | (u(69) << 4));
  expect(int4[128 + 2]).toBe(u(130) | (u(194) << 4));
  const binary = codes('binary');
  expect(binary.length).toBe(2 * 34);
  expect([...binary.subarray(32, 57)]).toEqual([...Array(12).fill(0), 0b11110000, ...Array(12).fill(255)]);
  const own = Array.from({ length: 200 }, (_, i) => number(i));
  const squares = own.reduce((sum, x) => sum + x * x, 0);
  const nearest = (x: number) => FACTORS.reduce((a, b) => (Math.abs(b - x) < Math.abs(a - x) ? b : a));
  const sizes = own.reduce((sum, x) => sum + Math.abs(x), 0);
  expect(FACTORS[binary[64 + 1]]).toBe(nearest((Math.sqrt(200) * squares) / sizes));
  expect(FACTORS[binary[66 + 1]]).toBe(nearest(squares / 2));
  expect(new Float32Array(codes('float32').buffer)[200 + 7]).toBe(vectors[7]);
});

test('numbers that are unlike all that the mean is of are not cut off', () => {
  const dimensions = 256;
  const mean = meanOf(randomVectors(500, dimensions, 1), dimensions);
  const column = new VectorColumn(heap, { kind: 'int8', dimensions, mean });
  const odd = new Float32Array(dimensions);
  odd[9] = -1;
  column.append(odd);
  const numbers = column.row(0);
  expect(numbers[9]).toBeCloseTo(-1, 2);
  expect(Math.hypot(...numbers.map((x, i) => x - odd[i]))).toBeLessThan(0.04);
  column.dispose();
});

test('codes relative to the mean are nearer than codes relative to zero', () => {
  const dimensions = 128;
  const spread = (i: number) => (i < 32 ? 2 : 0.5);
  const cone = randomVectors(1000, dimensions, 3).map((x, i) => spread(i % dimensions) * x + 0.1);
  for (let row = 0; row < 1000; row++) {
    const vector = cone.subarray(row * dimensions, (row + 1) * dimensions);
    const length = Math.hypot(...vector);
    for (let i = 0; i < dimensions; i++) vector[i] /= length;
  }
  const shares = { int8: 0.75, int4: 0.75, binary: 0.99 };
  for (const kind of ['int8', 'int4', 'binary'] as const) {
    const error = (mean: Float32Array) => {
      const column = new VectorColumn(heap, { kind, dimensions, mean });
      column.append(cone);
      let squares = 0;
      for (let row = 0; row < 1000; row++)
        for (const [i, x] of column.row(row).entries()) squares += (x - cone[row * dimensions + i]) ** 2;
      column.dispose();
      return Math.sqrt(squares);
    };
    expect(error(meanOf(cone, dimensions))).toBeLessThan(shares[kind] * error(new Float32Array(dimensions)));
  }
});
