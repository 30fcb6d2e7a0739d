import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import { batchesOf } from './batches.ts';
import { byteStream } from './byte-stream.ts';
import { cellOf, type FieldColumn, foundColumns, givenColumns } from './columns.ts';
import type { ExchangeHeader, ExchangeRow, ExchangeRows, WriteOptions } from './exchange.ts';
import { HEADER_KEY, writeHeader } from './header.ts';
import { metadataJson } from './metadata-json.ts';
import { exportSchema } from './parquet-schema.ts';

/**
 * Rows as a Parquet file: columns `id`, `passage`, `start`, `end`, `text`, `document` (with passage 0 only), `metadata` (JSON), those of metadata
 * fields, and `vector`, a list of float32. A group of rows is in memory at a time.
 *
 * The stream fails with `invalid-input` or `invalid-vector` at a row that is none. Halves of surrogate pairs in texts become U+FFFD.
 *
 * @throws SternaError `invalid-input` for a header or columns that are none.
 */
export function toParquet(
  rows: ExchangeRows,
  header: ExchangeHeader,
  { columns }: WriteOptions = {},
): ReadableStream<Uint8Array> {
  const json = writeHeader(header);
  return byteStream(pieces(rows, header, json, columns && givenColumns(columns)));
}

async function* pieces(
  rows: ExchangeRows,
  header: ExchangeHeader,
  json: string,
  given: readonly FieldColumn[] | undefined,
): AsyncGenerator<Uint8Array> {
  const bytes = new ByteWriter();
  let fields = given;
  let parquet: ParquetWriter | undefined;
  for await (const batch of batchesOf(rows, header)) {
    fields ??= foundColumns(batch);
    parquet ??= writer(bytes, fields, json);
    await parquet.write({ columnData: columnsOf(batch, fields), rowGroupSize: batch.length });
    yield taken(bytes);
  }
  parquet ??= writer(bytes, fields ?? [], json);
  await parquet.finish();
  yield taken(bytes);
}

function writer(bytes: ByteWriter, fields: readonly FieldColumn[], json: string): ParquetWriter {
  return new ParquetWriter({
    writer: bytes,
    schema: exportSchema(fields),
    kvMetadata: [{ key: HEADER_KEY, value: json }],
    createdBy: 'sterna',
  });
}

/** What was written since the last time; `offset` goes on counting all of it. */
function taken(bytes: ByteWriter): Uint8Array {
  const piece = bytes.getBytes().slice();
  bytes.index = 0;
  return piece;
}

function columnsOf(rows: readonly ExchangeRow[], fields: readonly FieldColumn[]): ColumnSource[] {
  const cells = (name: string, cell: (row: ExchangeRow) => unknown): ColumnSource => ({
    name,
    data: rows.map(cell),
  });
  return [
    cells('id', ({ id }) => id),
    cells('passage', ({ passage }) => passage),
    cells('start', ({ start }) => start),
    cells('end', ({ end }) => end),
    { ...cells('text', ({ text }) => text), statistics: false },
    { ...cells('document', ({ document }) => document), statistics: false },
    { ...cells('metadata', ({ id, metadata }) => metadata && metadataJson(id, metadata)), statistics: false },
    ...fields.map((field) => cells(field.name, (row) => cellOf(row, field))),
    // Floats of unit vectors look random: neither compression nor a dictionary makes them smaller.
    {
      ...cells('vector', ({ vector }) => vector && Array.from(vector)),
      codec: 'UNCOMPRESSED',
      encoding: 'PLAIN',
      statistics: false,
    },
  ];
}
