import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { nodeGpu } from '../../node/gpu.ts';
import { Scanner, type ScanResult } from '../scan/scanner.ts';
import { VectorColumn } from '../vectors/vector-column.ts';
import { codeColumn } from './code-column.ts';
import type { CodeColumn } from './gpu-column.ts';
import { GpuScanner } from './gpu-scanner.ts';
import type { ScannedKind } from './programs.ts';
import {
  type Expected,
  expectedOrder,
  queryVector,
  randomMask,
  seeded,
  testColumn,
} from './testing/columns.ts';

const gpu = await nodeGpu().catch(() => undefined);
const hasPacked = gpu?.wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') === true;

async function openDevice(): Promise<GPUDevice> {
  const adapter = await gpu!.requestAdapter();
  return adapter!.requestDevice();
}

/** Columns and rows. */
const placesOf = ({ columns, rows }: ScanResult) => Array.from(rows, (row, i) => [columns[i], row]);

function expectRows(found: ScanResult, expected: readonly Expected[], candidates: number): void {
  const wanted = expected.slice(0, candidates);
  expect(placesOf(found)).toEqual(wanted.map(({ column, row }) => [column, row]));
  for (const [i, { score }] of wanted.entries()) expect(found.scores[i]).toBeCloseTo(score, 5);
  expect(found.isCut).toBe(expected.length > candidates);
}

describe.skipIf(!gpu)('a scan on the GPU (skipped where Node finds no adapter)', async () => {
  const device = gpu ? await openDevice() : undefined!;
  const scanner = gpu ? await GpuScanner.create(device, { packed: false }) : undefined!;
  afterAll(() => device?.destroy());

  const kinds = ['float32', 'int8', 'int4'] as const;

  describe.each(kinds)('of %s', (kind) => {
    test.each([
      [1, 1, 1],
      [3, 5, 2],
      [63, 64, 10],
      [64, 65, 65],
      [65, 1023, 7],
      [127, 1024, 100],
      [128, 1025, 100],
      [129, 2049, 33],
      [200, 333, 400],
      [256, 5000, 1024],
      [300, 777, 50],
    ])(
      'finds the rows that loops find: %d dimensions, %d rows, %d candidates',
      async (dimensions, rows, k) => {
        const random = seeded(dimensions * 31 + rows);
        const made = testColumn({ kind, dimensions, rows }, random);
        const column = scanner.upload(made);
        const vector = queryVector(dimensions, random);
        const found = await scanner.scan([{ column }], { vector, candidates: k });
        expectRows(found, expectedOrder([{ column: made }], vector), k);
        column.dispose();
      },
    );

    test('leaves out what masks leave out, whole tiles included', async () => {
      const random = seeded(7);
      const rows = 3333;
      const made = testColumn({ kind, dimensions: 100, rows }, random);
      const column = scanner.upload(made);
      const vector = queryVector(100, random);
      const one = new Uint32Array(105);
      one[17] = 4;
      const none = new Uint32Array(105);
      for (const mask of [
        ...[1, 2, 10, 200, 3000].map((every) => randomMask(rows, every, random)),
        one,
        none,
      ]) {
        const found = await scanner.scan([{ column, mask }], { vector, candidates: 40 });
        expectRows(found, expectedOrder([{ column: made, mask }], vector), 40);
      }
      column.dispose();
    });

    test('goes through several columns, with and without masks, empty ones among them', async () => {
      const random = seeded(11);
      const made = [70, 0, 1500, 33, 0, 2048].map((rows) =>
        testColumn({ kind, dimensions: 70, rows }, random),
      );
      const columns = made.map((column) => scanner.upload(column));
      const masks = made.map(({ rows }, i) => (i % 2 ? undefined : randomMask(rows, 3, random)));
      const vector = queryVector(70, random);
      const found = await scanner.scan(
        columns.map((column, i) => ({ column, mask: masks[i] })),
        { vector, candidates: 300 },
      );
      const expected = expectedOrder(
        made.map((column, i) => ({ column, mask: masks[i] })),
        vector,
      );
      expectRows(found, expected, 300);
      for (const column of columns) column.dispose();
    });

    test('orders equal scores by column, then by row, whatever their number', async () => {
      const random = seeded(13);
      const vector = queryVector(16, random);
      // One value for all rows, three values, and one row above all others.
      const codes = [() => 1, (row: number) => row % 3, (row: number) => (row === 2500 ? 7 : 5)];
      for (const code of codes) {
        const made = [3000, 5000].map((rows) => testColumn({ kind, dimensions: 16, rows, code }, random));
        const columns = made.map((column) => scanner.upload(column));
        const masks = made.map(({ rows }) => randomMask(rows, 2, random));
        const parts = columns.map((column, i) => ({ column, mask: masks[i] }));
        const expected = expectedOrder(
          made.map((column, i) => ({ column, mask: masks[i] })),
          vector,
        );
        for (const candidates of [1, 2, 100, 1024]) {
          expectRows(await scanner.scan(parts, { vector, candidates }), expected, candidates);
        }
        for (const column of columns) column.dispose();
      }
    });

    test.each([176, 500, 1024])(
      'reads a last block with room for %d rows that has 176',
      async (lastStride) => {
        const random = seeded(17);
        const made = testColumn({ kind, dimensions: 190, rows: 1200, lastStride }, random);
        const column = scanner.upload(made);
        const vector = queryVector(190, random);
        const found = await scanner.scan([{ column }], { vector, candidates: 64 });
        expectRows(found, expectedOrder([{ column: made }], vector), 64);
        column.dispose();
      },
    );

    test('gives several queries what it gives each of them', async () => {
      const random = seeded(19);
      const made = testColumn({ kind, dimensions: 140, rows: 2500 }, random);
      const column = scanner.upload(made);
      const vectors = Array.from({ length: 9 }, () => queryVector(140, random));
      const all = await scanner.scanMany([{ column }], vectors, { candidates: 20 });
      for (const [i, vector] of vectors.entries()) {
        expectRows(all[i], expectedOrder([{ column: made }], vector), 20);
        expect(await scanner.scan([{ column }], { vector, candidates: 20 })).toEqual(all[i]);
      }
      column.dispose();
    });

    test('divides a column and a batch that are larger than a buffer', async () => {
      const random = seeded(23);
      const blockBytes = kind === 'float32' ? 1024 * 4 * 40 : 1024 * 64;
      const small = await GpuScanner.create(device, { packed: false, mostBytes: 2 * blockBytes + 100 });
      const made = testColumn({ kind, dimensions: 40, rows: 9999 }, random);
      const column = small.upload(made);
      const mask = randomMask(made.rows, 2, random);
      const vectors = Array.from({ length: 12 }, () => queryVector(40, random));
      const all = await small.scanMany([{ column, mask }], vectors, { candidates: 100 });
      for (const [i, vector] of vectors.entries()) {
        expectRows(all[i], expectedOrder([{ column: made, mask }], vector), 100);
      }
      small.dispose();
    });
  });

  test.each(['int8', 'int4'] as const)(
    'reads only the first planes of %s where it is told to',
    async (kind) => {
      const random = seeded(29);
      const made = testColumn({ kind, dimensions: 500, rows: 1500 }, random);
      const column = scanner.upload(made);
      const vector = queryVector(500, random);
      for (const planes of [1, 2, 3, 100]) {
        const found = await scanner.scan([{ column }], { vector, candidates: 30, planes });
        expectRows(found, expectedOrder([{ column: made }], vector, planes), 30);
      }
      column.dispose();
    },
  );

  test.skipIf(!hasPacked)(
    'multiplies packed bytes by the instruction for it to the same numbers',
    async () => {
      const packed = await GpuScanner.create(device, { packed: true });
      for (const kind of ['int8', 'int4'] as const) {
        const random = seeded(31);
        // The largest codes there are, and a query of the largest codes.
        const code = (row: number) =>
          [kind === 'int8' ? -127 : 0, kind === 'int8' ? 127 : 15, row % 16][row % 3];
        for (const made of [
          testColumn({ kind, dimensions: 300, rows: 1100 }, random),
          testColumn({ kind, dimensions: 300, rows: 1100, code }, random),
        ]) {
          const even = new Float32Array(300).map((_, i) => (i % 5 ? 1 : -1) / Math.sqrt(300));
          for (const vector of [queryVector(300, random), even]) {
            const [one, other] = await Promise.all(
              [packed, scanner].map((its) =>
                its.scan([{ column: its.upload(made) }], { vector, candidates: 200 }),
              ),
            );
            expect(one).toEqual(other);
            expectRows(one, expectedOrder([{ column: made }], vector), 200);
          }
        }
      }
      packed.dispose();
    },
  );

  test('merges columns of different kinds and means by their scores', async () => {
    const random = seeded(37);
    const options: { kind: ScannedKind; slant: number }[] = [
      { kind: 'int8', slant: 1 },
      { kind: 'int4', slant: 1 },
      { kind: 'int8', slant: 2 },
      { kind: 'float32', slant: 1 },
      { kind: 'int8', slant: 1 },
    ];
    const made = options.map((its) => testColumn({ ...its, dimensions: 32, rows: 700 }, random));
    const vector = queryVector(32, random);
    const found = await scanner.scan(
      made.map((column) => ({ column: scanner.upload(column) })),
      { vector, candidates: 500 },
    );
    const expected = made
      .flatMap((column, i) => expectedOrder([{ column }], vector).map((hit) => ({ ...hit, column: i })))
      .sort((a, b) => b.score - a.score || a.column - b.column || a.row - b.row);
    expectRows(found, expected, 500);
  });

  test('finds the rows that loops find in columns, masks and queries of any size', async () => {
    const run = fc.record({
      kind: fc.constantFrom(...kinds),
      dimensions: fc.integer({ min: 1, max: 300 }),
      parts: fc.array(fc.record({ rows: fc.nat(1500), every: fc.constantFrom(0, 1, 2, 50) }), {
        maxLength: 3,
      }),
      codes: fc.constantFrom(2, 15, Number.POSITIVE_INFINITY),
      candidates: fc.integer({ min: 1, max: 1024 }),
      planes: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      seed: fc.nat(),
    });
    const property = fc.asyncProperty(
      run,
      async ({ kind, dimensions, parts, codes, candidates, planes, seed }) => {
        const random = seeded(seed);
        // Few different rows make many equal scores.
        const code = Number.isFinite(codes) ? (row: number, i: number) => (row + i) % codes : undefined;
        const made = parts.map(({ rows, every }) => ({
          column: testColumn({ kind, dimensions, rows, code }, random),
          mask: every === 0 ? undefined : randomMask(rows, every, random),
        }));
        const vector = queryVector(dimensions, random);
        if (vector.every((number) => number === 0)) return;
        const uploaded = made.map(({ column, mask }) => ({ column: scanner.upload(column), mask }));
        const found = await scanner.scan(uploaded, { vector, candidates, planes });
        expectRows(found, expectedOrder(made, vector, planes), candidates);
        for (const { column } of uploaded) column.dispose();
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  test.each(kinds)('agrees with the scan on the processor about %s', async (kind) => {
    const random = seeded(79);
    const processor = Scanner.alone();
    const lengths = [1500, 40, 2048];
    const columns = lengths.map((length) => {
      const { mean } = testColumn({ kind, dimensions: 200, rows: 1 }, random);
      const column = new VectorColumn(processor.heap, { kind, dimensions: 200, mean });
      for (let row = 0; row < length; row++) column.append(queryVector(200, random));
      return column;
    });
    const masks = lengths.map((length, i) => (i === 1 ? undefined : randomMask(length, 2, random)));
    const uploaded = columns.map((column) => scanner.upload(codeColumn(column)));
    const vectors = [queryVector(200, random), queryVector(200, random)];
    for (const planes of kind === 'float32' ? [undefined] : [1, 2, undefined]) {
      const found = await scanner.scanMany(
        uploaded.map((column, i) => ({ column, mask: masks[i] })),
        vectors,
        { candidates: 200, planes },
      );
      const expected = processor.scanMany(
        columns.map((column, i) => ({ column, mask: masks[i] })),
        vectors,
        { candidates: 200, planes },
      );
      expect(found).toEqual(expected);
    }
    for (const column of uploaded) column.dispose();
    processor.dispose();
  });

  test('takes codes from memory that threads share', async () => {
    const random = seeded(73);
    const made = testColumn({ kind: 'int8', dimensions: 70, rows: 1300 }, random);
    const blocks = made.blocks.map((block) => {
      const bytes = new Uint8Array(new SharedArrayBuffer(block.bytes.length + 48), 48);
      bytes.set(block.bytes);
      return { ...block, bytes };
    });
    const vector = queryVector(70, random);
    const found = await scanner.scan([{ column: scanner.upload({ ...made, blocks }) }], {
      vector,
      candidates: 25,
    });
    expectRows(found, expectedOrder([{ column: made }], vector), 25);
  });

  test('answers overlapping scans each with its own rows', async () => {
    const random = seeded(41);
    const made = [900, 4000, 50].map((rows) => testColumn({ kind: 'int8', dimensions: 64, rows }, random));
    const columns = made.map((column) => scanner.upload(column));
    const vectors = Array.from({ length: 12 }, () => queryVector(64, random));
    const found = await Promise.all(
      vectors.map((vector, i) => scanner.scan([{ column: columns[i % 3] }], { vector, candidates: 10 + i })),
    );
    for (const [i, vector] of vectors.entries()) {
      expectRows(found[i], expectedOrder([{ column: made[i % 3] }], vector), 10 + i);
    }
  });

  test('gives nothing for no candidates, no columns, no rows and no vectors', async () => {
    const column = scanner.upload({ kind: 'int8', dimensions: 4, mean: new Float32Array(4), blocks: [] });
    const vector = Float32Array.of(1, 0, 0, 0);
    const nothing = { columns: new Uint32Array(), rows: new Uint32Array(), scores: new Float32Array() };
    expect(await scanner.scan([], { vector, candidates: 5 })).toEqual({ ...nothing, isCut: false });
    expect(await scanner.scan([{ column }], { vector, candidates: 5 })).toEqual({ ...nothing, isCut: false });
    expect(await scanner.scanMany([{ column }], [], { candidates: 5 })).toEqual([]);
    const one = scanner.upload(testColumn({ kind: 'int8', dimensions: 4, rows: 1 }, seeded(1)));
    expect(await scanner.scan([{ column: one }], { vector, candidates: 0 })).toEqual({
      ...nothing,
      isCut: true,
    });
  });

  test('refuses what is no column, no query and no mask, and says what is needed', async () => {
    const made = testColumn({ kind: 'int8', dimensions: 70, rows: 1100 }, seeded(43));
    const [first, last] = made.blocks;
    const upload = (change: Partial<Record<keyof CodeColumn, unknown>>) => () =>
      scanner.upload({ ...made, ...change } as CodeColumn);
    const refused = (change: Parameters<typeof upload>[0], words: RegExp) => {
      expect(upload(change)).toThrow(words);
      expect(upload(change)).toThrow(expect.objectContaining({ code: 'invalid-input' }));
    };
    refused({ kind: 'binary' }, /does not scan codes of kind binary/);
    refused({ dimensions: 0 }, /0 dimensions/);
    refused({ mean: new Float32Array(3) }, /has a mean of 3/);
    refused({ blocks: [last, first] }, /Block 0 has 76 rows/);
    refused(
      { blocks: [first, { ...last, bytes: last.bytes.subarray(1) }] },
      /Block 1 has 9803 bytes; needed: 9804/,
    );
    refused({ blocks: [{ ...first, stride: 1025 }] }, /room for 1025/);

    const column = scanner.upload(made);
    const vector = queryVector(70, seeded(47));
    const scan = (its: Partial<Parameters<typeof scanner.scan>[1]>, mask?: Uint32Array) =>
      scanner.scan([{ column, mask }], { vector, candidates: 3, ...its });
    await expect(scan({ vector: vector.subarray(1) })).rejects.toMatchObject({ code: 'invalid-vector' });
    await expect(scan({ vector: vector.map(() => 0) })).rejects.toMatchObject({ code: 'invalid-vector' });
    await expect(scan({ vector: vector.map(() => Number.NaN) })).rejects.toMatchObject({
      code: 'invalid-vector',
    });
    await expect(scan({ candidates: 1025 })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(scan({ candidates: 1.5 })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(scan({ planes: 0 })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(scan({}, new Uint32Array(34))).rejects.toThrow(/34 words .* needed: 35 words/);
    column.dispose();
    column.dispose();
    await expect(scan({})).rejects.toMatchObject({ code: 'disposed' });
  });

  test('refuses blocks and rows that are too many for a buffer of the device', async () => {
    const small = await GpuScanner.create(device, { packed: false, mostBytes: 66_560 });
    const wide = testColumn({ kind: 'int8', dimensions: 65, rows: 1 }, seeded(53));
    expect(() => small.upload(wide)).toThrow(expect.objectContaining({ code: 'limits' }));
    const long = testColumn({ kind: 'int8', dimensions: 1, rows: 18_000 }, seeded(53));
    const column = small.upload(long);
    const scan = small.scan([{ column }], { vector: Float32Array.of(1), candidates: 1 });
    await expect(scan).rejects.toMatchObject({ code: 'limits' });
    small.dispose();
  });

  test('refuses what the device makes no buffer for, and goes on with what there is room for', async () => {
    const made = testColumn({ kind: 'int8', dimensions: 64, rows: 2000 }, seeded(83));
    const vector = queryVector(64, seeded(89));
    const create = device.createBuffer;
    for (const label of ['codes', 'keys', 'results']) {
      const own = await GpuScanner.create(device, { packed: false });
      device.createBuffer = (its) =>
        create.call(device, its.label === label ? { ...its, size: 2 ** 40 } : its);
      const column = own.upload(made);
      const scan = own.scan([{ column }], { vector, candidates: 12 });
      await expect(scan).rejects.toMatchObject({ code: 'limits' });
      device.createBuffer = create;
      const again = label === 'codes' ? own.upload(made) : column;
      const found = await own.scan([{ column: again }], { vector, candidates: 12 });
      expectRows(found, expectedOrder([{ column: made }], vector), 12);
      own.dispose();
    }
  });

  test('says so after dispose, and ends the scans under way', async () => {
    const own = await GpuScanner.create(device, { packed: false });
    const made = testColumn({ kind: 'int8', dimensions: 64, rows: 2000 }, seeded(59));
    const vector = queryVector(64, seeded(61));
    const under = own.scan([{ column: own.upload(made) }], { vector, candidates: 12 });
    own.dispose();
    own.dispose();
    expectRows(await under, expectedOrder([{ column: made }], vector), 12);
    expect(() => own.upload(made)).toThrow(expect.objectContaining({ code: 'disposed' }));
    await expect(own.scan([], { vector, candidates: 1 })).rejects.toMatchObject({ code: 'disposed' });
  });

  test('rejects with device-lost when the device goes, during a scan and after it', async () => {
    const lost = await openDevice();
    const own = await GpuScanner.create(lost, { packed: false });
    const made = testColumn({ kind: 'int8', dimensions: 64, rows: 2000 }, seeded(67));
    const vector = queryVector(64, seeded(71));
    const column = own.upload(made);
    const scan = own.scan([{ column }], { vector, candidates: 12 });
    lost.destroy();
    await expect(scan).rejects.toMatchObject({ code: 'device-lost' });
    await lost.lost;
    await expect(own.scan([{ column }], { vector, candidates: 12 })).rejects.toMatchObject({
      code: 'device-lost',
    });
    await expect(GpuScanner.create(lost)).rejects.toMatchObject({ code: 'device-lost' });
  });
});
