import * as arrow from 'apache-arrow';
import {
  RecordBatchFileWriter,
  Table,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { fromArrow, toArrow } from './arrow.ts';
import { bytesOf, HEADER, listOf, sampleRows } from './testing/sample.ts';

const refusal = (code: string, words: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(words) });

describe('toArrow', () => {
  it('writes columns that other readers of Arrow have types for', async () => {
    const rows = [...sampleRows(7)];
    for (const format of ['stream', 'file'] as const) {
      const table = tableFromIPC(await bytesOf(toArrow(rows, HEADER, { format })));
      expect(table.numRows).toBe(rows.length);
      expect(JSON.parse(table.schema.metadata.get('sterna')!)).toEqual({ version: 1, ...HEADER });
      const types = Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]));
      expect(types).toMatchObject({ id: 'Utf8', passage: 'Int32', text: 'Utf8', document: 'Utf8' });
      expect(types).toMatchObject({ lang: 'Utf8', year: 'Float64', draft: 'Bool', tags: 'List<Utf8>' });
      expect(types.vector).toBe('FixedSizeList[8]<Float32>');
      expect(types.changed).toContain('Timestamp');
      for (const [i, row] of rows.entries()) {
        const { id, passage, document, metadata, vector } = row;
        const found = table.get(i)!;
        expect([found.id, found.passage, found.document]).toEqual([id, passage, document ?? null]);
        expect([found.year, found.draft, found.score]).toEqual([
          metadata!.year,
          metadata!.draft,
          metadata!.score ?? null,
        ]);
        expect([...found.tags]).toEqual(metadata!.tags);
        expect(Number(found.changed)).toBe((metadata!.changed as Date).getTime());
        expect(found.vector.toArray()).toEqual(vector);
      }
    }
  });
});

describe('fromArrow', () => {
  const table = new Table({
    key: vectorFromArray(Int32Array.of(7, 8, 9)),
    body: vectorFromArray(['\ufeffeins', 'zwei', null], new arrow.Utf8()),
    embedding: vectorFromArray(
      [[1, 0], [0, 1], null],
      new arrow.FixedSizeList(2, new arrow.Field('item', new arrow.Float64(), true)),
    ),
    big: vectorFromArray(BigInt64Array.of(1n, 2n ** 60n, -3n)),
    half: vectorFromArray([0.5, 2, 3], new arrow.Float16()),
    day: vectorFromArray([new Date('2020-02-03'), null, null], new arrow.DateDay()),
    at: vectorFromArray([new Date(1500), null, new Date(0)], new arrow.TimestampMicrosecond()),
    names: vectorFromArray(
      [['a', null], [], null],
      new arrow.List(new arrow.Field('item', new arrow.Utf8())),
    ),
    bytes: vectorFromArray([new Uint8Array(2), null, null], new arrow.Binary()),
    point: vectorFromArray(
      [{ x: 1 }, null, null],
      new arrow.Struct([new arrow.Field('x', new arrow.Float64())]),
    ),
  });
  const columns = { id: 'key', text: 'body', vector: 'embedding' };
  const expected = [
    {
      id: '7',
      text: '\ufeffeins',
      vector: Float32Array.of(1, 0),
      metadata: {
        big: 1,
        half: 0.5,
        day: new Date('2020-02-03'),
        at: new Date(1500),
        names: ['a', null],
      },
    },
    {
      id: '8',
      text: 'zwei',
      vector: Float32Array.of(0, 1),
      metadata: { big: String(2n ** 60n), half: 2, names: [] },
    },
    { id: '9', text: '', vector: undefined, metadata: { big: -3, half: 3, at: new Date(0) } },
  ].map((row) => ({ ...row, passage: 0, start: 0, end: row.text.length, document: row.text }));

  it('takes files from elsewhere, each row as a document, other columns as metadata', async () => {
    // The package's own files have no schema in front.
    const inFile = RecordBatchFileWriter.writeAll(table).toUint8Array(true);
    for (const bytes of [tableToIPC(table, 'stream'), tableToIPC(table, 'file'), inFile]) {
      const { header, rows } = await fromArrow(bytes, { columns });
      expect(header).toBeUndefined();
      expect(await listOf(rows)).toEqual(expected);
    }
  });

  it('takes dictionaries', async () => {
    const data = tableFromArrays({ id: ['a', 'b', 'c'], text: ['x', 'y', 'x'] });
    const encoded = new Table({
      id: data.getChild('id')!,
      text: vectorFromArray(['x', 'y', 'x'], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8())),
    });
    const { rows } = await fromArrow(tableToIPC(encoded));
    expect((await listOf(rows)).map(({ text }) => text)).toEqual(['x', 'y', 'x']);
  });

  it('refuses columns that are not there, and says which ones are', async () => {
    await expect(fromArrow(tableToIPC(table))).rejects.toThrow(
      refusal('invalid-input', 'no column "id" in the Arrow file, but key, body, embedding'),
    );
    await expect(fromArrow(tableToIPC(table), { columns: { ...columns, text: 'bytes' } })).rejects.toThrow(
      refusal('invalid-input', 'no column "bytes"'),
    );
  });

  it('refuses vectors of two lengths', async () => {
    const type = new arrow.List(new arrow.Field('item', new arrow.Float32()));
    const uneven = new Table({
      id: vectorFromArray(['a', 'b'], new arrow.Utf8()),
      text: vectorFromArray(['x', 'y'], new arrow.Utf8()),
      vector: vectorFromArray([[1], [1, 2]], type),
    });
    const { rows } = await fromArrow(tableToIPC(uneven));
    await expect(listOf(rows)).rejects.toThrow(refusal('corrupt-file', 'has 2 dimensions; needed: 1'));
  });
});
