import { gzipSync } from 'node:zlib';
import {
  type CompressionCodec,
  type Encoding,
  parquetMetadata,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { ByteWriter, type ColumnSource, parquetWrite } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { mutations } from '../loader/testing/mutations.ts';
import { fromParquet, toParquet } from './parquet.ts';
import { bytesOf, HEADER, listOf, outcome, sampleRows } from './testing/sample.ts';

const refusal = (code: string, words: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(words) });

function written(
  columnData: ColumnSource[],
  codec: CompressionCodec = 'SNAPPY',
  pageSize?: number,
): Uint8Array {
  const writer = new ByteWriter();
  parquetWrite({ writer, columnData, codec, pageSize, compressors: { GZIP: (bytes) => gzipSync(bytes) } });
  return new Uint8Array(writer.getBuffer());
}

const strings = (name: string, data: unknown[]): ColumnSource => ({ name, data, type: 'STRING' });

/** Where bytes begin in others. */
function placeOf(bytes: Uint8Array, part: readonly number[]): number {
  const place = bytes.findIndex((_, at) => part.every((byte, i) => bytes[at + i] === byte));
  if (place < 0) throw new Error('There are no such bytes.');
  return place;
}

describe('toParquet', () => {
  it('writes columns that other readers of Parquet have types for', async () => {
    const rows = [...sampleRows(7)];
    const bytes = await bytesOf(toParquet(rows, HEADER));
    const metadata = parquetMetadata(bytes);
    const header = metadata.key_value_metadata?.find(({ key }) => key === 'sterna')?.value;
    expect(JSON.parse(header!)).toEqual({ version: 1, ...HEADER });
    const vectors = parquetSchema(metadata).children.find(({ element }) => element.name === 'vector')!;
    expect(vectors.element.converted_type).toBe('LIST');
    expect(vectors.children[0].children[0].element.type).toBe('FLOAT');
    const found = await parquetReadObjects({ file: bytes.buffer });
    expect(found.length).toBe(rows.length);
    for (const [i, { id, passage, document, metadata, vector }] of rows.entries()) {
      const { lang, year, draft, score = null, changed, tags } = metadata!;
      expect(found[i]).toMatchObject({ id, passage, lang, year, draft, score, changed, tags });
      expect(found[i].document ?? undefined).toBe(document);
      expect(Float32Array.from(found[i].vector)).toEqual(vector);
    }
  });
});

describe('fromParquet', () => {
  it('takes files from elsewhere, each row as a document, other columns as metadata', async () => {
    const bytes = written([
      { name: 'key', data: [7n, 8n, 9n], type: 'INT64' },
      strings('body', ['\ufeffeins', 'zwei', null]),
      { name: 'at', data: [new Date(1500), null, new Date(0)], type: 'TIMESTAMP' },
      { name: 'more', data: [{ a: [1, { b: 2 }] }, 3, null], type: 'JSON' },
      { name: 'bytes', data: [Uint8Array.of(255), null, null], type: 'BYTE_ARRAY' },
      { name: 'big', data: [1n, 2n ** 60n, null], type: 'INT64' },
    ]);
    const { header, rows } = await fromParquet(bytes, { columns: { id: 'key', text: 'body' } });
    expect(header).toBeUndefined();
    const expected = [
      {
        id: '7',
        text: '\ufeffeins',
        metadata: { at: new Date(1500), more: { a: [1, { b: 2 }] }, big: 1 },
      },
      { id: '8', text: 'zwei', metadata: { more: 3, big: String(2n ** 60n) } },
      { id: '9', text: '', metadata: { at: new Date(0) } },
    ].map((row) => ({
      ...row,
      passage: 0,
      start: 0,
      end: row.text.length,
      document: row.text,
      vector: undefined,
    }));
    expect(await listOf(rows)).toEqual(expected);
    await expect(fromParquet(bytes)).rejects.toThrow(
      refusal('invalid-input', 'no column "id" in the Parquet file, but key, body, at'),
    );
  });

  it('takes every encoding and codec, pages large and small', async () => {
    const count = 500;
    const ids = Array.from({ length: count }, (_, i) => `id ${i}`);
    const texts = ids.map((_, i) => (i % 3 ? `${'many words '.repeat(i % 7)}` : 'the same'));
    const numbers = ids.map((_, i) => (i * i) % 1000);
    const encodings: [Encoding, ColumnSource['type'], unknown[]][] = [
      ['PLAIN', 'DOUBLE', numbers],
      ['RLE_DICTIONARY', 'INT32', numbers],
      ['DELTA_BINARY_PACKED', 'INT32', numbers],
      ['DELTA_BINARY_PACKED', 'INT64', numbers.map(BigInt)],
      ['DELTA_LENGTH_BYTE_ARRAY', 'STRING', numbers.map(String)],
      ['BYTE_STREAM_SPLIT', 'FLOAT', numbers],
      ['RLE', 'BOOLEAN', numbers.map((x) => x % 2 === 0)],
    ];
    for (const [encoding, type, data] of encodings) {
      for (const nulls of [false, true]) {
        const cells = data.map((cell, i) => (nulls && i % 5 === 0 ? null : cell));
        for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP'] as const) {
          const bytes = written(
            [strings('id', ids), strings('text', texts), { name: 'x', data: cells, type, encoding }],
            codec,
            nulls ? 300 : undefined,
          );
          const { rows } = await fromParquet(bytes, { compressors });
          const list = await listOf(rows);
          expect(list.map(({ text }) => text)).toEqual(texts);
          const plain = cells.map((cell) => (typeof cell === 'bigint' ? Number(cell) : (cell ?? undefined)));
          expect(list.map(({ metadata }) => metadata?.x)).toEqual(plain);
        }
      }
    }
  });

  it('says which codec it lacks', async () => {
    const bytes = written([strings('id', ['a']), strings('text', ['a b c d e f g'])], 'GZIP');
    const { rows } = await fromParquet(bytes);
    await expect(listOf(rows)).rejects.toThrow(refusal('corrupt-file', 'GZIP; give `compressors`'));
  });

  it('refuses a run of values beyond the rows', async () => {
    const count = 1000;
    const data = Array.from({ length: count }, (_, i) => i % 2 === 0);
    const ids = data.map((_, i) => `${i}`);
    const flags: ColumnSource = { name: 'flag', data, type: 'BOOLEAN', nullable: true };
    const bytes = written([flags, strings('id', ids), strings('text', ids)], 'UNCOMPRESSED');
    // A run of 1,000 ones, made one of 8,191.
    const place = placeOf(bytes, [0xd0, 0x0f, 0x01]);
    bytes.set([0xfe, 0x7f], place);
    const { rows } = await fromParquet(bytes);
    await expect(listOf(rows)).rejects.toThrow(
      refusal('corrupt-file', 'a run of 8191 values where 1000 are'),
    );
  });

  it('reads damaged files from elsewhere or refuses them', async () => {
    const ids = Array.from({ length: 60 }, (_, i) => `${i}`);
    const bytes = written([
      strings('id', ids),
      strings(
        'text',
        ids.map((id) => (Number(id) % 2 ? 'odd' : 'even')),
      ),
      { name: 'n', data: ids.map(BigInt), type: 'INT64', encoding: 'DELTA_BINARY_PACKED' },
      { name: 'tags', data: ids.map((id) => (Number(id) % 3 ? [id, 'x'] : [])) },
    ]);
    expect((await listOf((await fromParquet(bytes)).rows))[1].metadata).toEqual({ n: 1, tags: ['1', 'x'] });
    for (const damaged of mutations(bytes, 2000))
      await outcome(async () => listOf((await fromParquet(damaged)).rows));
  });
});
