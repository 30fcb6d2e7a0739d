import {
  Bool,
  type Data,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  List,
  Message,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
} from 'apache-arrow';
import { batchesOf } from './batches.ts';
import { byteStream } from './byte-stream.ts';
import { cellOf, type FieldColumn, foundColumns, givenColumns } from './columns.ts';
import type { ExchangeHeader, ExchangeRow, ExchangeRows, WriteOptions } from './exchange.ts';
import { HEADER_KEY, writeHeader } from './header.ts';
import { metadataJson } from './metadata-json.ts';
import { invalid } from './refusals.ts';

/** How to write Arrow. */
export interface ArrowWriteOptions extends WriteOptions {
  /** `stream` (default), or `file`, which has a table of contents at its end and can be mapped into memory. */
  format?: 'stream' | 'file';
}

/**
 * Rows as Arrow IPC: columns `id`, `passage`, `start`, `end`, `text`, `document` (with passage 0 only), `metadata` (JSON), those of metadata fields,
 * and `vector`, a list of float32 of fixed size. A batch of rows is in memory at a time.
 *
 * The stream fails with `invalid-input` or `invalid-vector` at a row that is none. Halves of surrogate pairs in texts become U+FFFD.
 *
 * @throws SternaError `invalid-input` for a header, columns or a format that are none.
 */
export function toArrow(
  rows: ExchangeRows,
  header: ExchangeHeader,
  { columns, format = 'stream' }: ArrowWriteOptions = {},
): ReadableStream<Uint8Array> {
  if (format !== 'stream' && format !== 'file')
    throw invalid(`format is ${format}; needed: "stream" or "file".`);
  const json = writeHeader(header);
  return byteStream(pieces(rows, header, json, columns && givenColumns(columns), format));
}

/** Where a writer puts its bytes, in place of a queue that nobody empties before the end. */
type Sink = Uint8Array[];

class StreamWriter extends RecordBatchStreamWriter {
  constructor(private readonly sink: Sink) {
    super();
  }

  protected override _write(chunk: ArrayBufferView): this {
    this._position += put(this.sink, chunk);
    return this;
  }
}

class FileWriter extends RecordBatchFileWriter {
  constructor(private readonly sink: Sink) {
    super();
  }

  protected override _write(chunk: ArrayBufferView): this {
    this._position += put(this.sink, chunk);
    return this;
  }

  /** The package leaves the schema to the table of contents; the format has it in front as well, for those who read from there. */
  protected override _writeSchema(schema: Schema): this {
    return super._writeSchema(schema)._writeMessage(Message.from(schema));
  }
}

function put(sink: Sink, { buffer, byteOffset, byteLength }: ArrayBufferView): number {
  if (byteLength > 0) sink.push(new Uint8Array(buffer, byteOffset, byteLength));
  return byteLength;
}

async function* pieces(
  rows: ExchangeRows,
  header: ExchangeHeader,
  json: string,
  given: readonly FieldColumn[] | undefined,
  format: 'stream' | 'file',
): AsyncGenerator<Uint8Array> {
  const sink: Sink = [];
  const writer = format === 'file' ? new FileWriter(sink) : new StreamWriter(sink);
  let fields = given;
  let schema: Schema | undefined;
  for await (const batch of batchesOf(rows, header)) {
    fields ??= foundColumns(batch);
    schema ??= schemaOf(fields, header, json);
    writer.write(batchOf(schema, batch, fields, header));
    yield taken(sink);
  }
  // Without a batch of none, nothing at all would be written.
  if (!schema) {
    fields ??= [];
    writer.write(batchOf(schemaOf(fields, header, json), [], fields, header));
  }
  writer.finish();
  yield taken(sink);
}

/** What was written since the last time, in one piece. */
function taken(sink: Sink): Uint8Array {
  const bytes = new Uint8Array(sink.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of sink) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  sink.length = 0;
  return bytes;
}

function schemaOf(fields: readonly FieldColumn[], { dimensions }: ExchangeHeader, json: string): Schema {
  const columns = [
    new Field('id', new Utf8(), false),
    ...['passage', 'start', 'end'].map((name) => new Field(name, new Int32(), false)),
    new Field('text', new Utf8(), false),
    new Field('document', new Utf8(), true),
    new Field('metadata', new Utf8(), true),
    ...fields.map(({ name, type }) => new Field(name, FIELD_TYPES[type](), true)),
    new Field('vector', vectorType(dimensions), true),
  ];
  return new Schema(columns, new Map([[HEADER_KEY, json]]));
}

const FIELD_TYPES: Record<FieldColumn['type'], () => DataType> = {
  string: () => new Utf8(),
  number: () => new Float64(),
  boolean: () => new Bool(),
  date: () => new TimestampMillisecond('UTC'),
  tags: () => new List(new Field('item', new Utf8(), false)),
};

function vectorType(dimensions: number): FixedSizeList<Float32> {
  return new FixedSizeList(dimensions, new Field('item', new Float32(), true));
}

function batchOf(
  schema: Schema,
  rows: readonly ExchangeRow[],
  fields: readonly FieldColumn[],
  { dimensions }: ExchangeHeader,
): RecordBatch {
  const whole = (name: 'passage' | 'start' | 'end') =>
    makeData({ type: new Int32(), data: Int32Array.from(rows, (row) => row[name]) });
  const children: Data[] = [
    texts(rows.map(({ id }) => id)),
    whole('passage'),
    whole('start'),
    whole('end'),
    texts(rows.map(({ text }) => text)),
    texts(rows.map(({ document }) => document)),
    texts(rows.map(({ id, metadata }) => metadata && metadataJson(id, metadata))),
    ...fields.map((field) =>
      fieldData(
        field,
        rows.map((row) => cellOf(row, field)),
      ),
    ),
    vectors(rows, dimensions),
  ];
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: rows.length, children }),
  );
}

type Maybe<T> = T | null | undefined;

function fieldData({ type }: FieldColumn, cells: readonly unknown[]): Data {
  const { length } = cells;
  const nulls = nullsOf(cells);
  switch (type) {
    case 'string':
      return texts(cells as Maybe<string>[]);
    case 'number': {
      const data = Float64Array.from(cells as Maybe<number>[], (cell) => cell ?? 0);
      return makeData({ type: new Float64(), length, ...nulls, data });
    }
    case 'boolean':
      return makeData({ type: new Bool(), length, ...nulls, data: bitsOf(cells, (cell) => cell === true) });
    case 'date': {
      const data = BigInt64Array.from(cells as Maybe<Date>[], (cell) => BigInt(cell?.getTime() ?? 0));
      return makeData({ type: new TimestampMillisecond('UTC'), length, ...nulls, data });
    }
    case 'tags': {
      const lists = (cells as Maybe<string[]>[]).map((tags) => tags ?? []);
      const valueOffsets = offsetsOf(lists.map((tags) => tags.length));
      const list = new List(new Field('item', new Utf8(), false));
      return makeData({ type: list, length, ...nulls, valueOffsets, child: texts(lists.flat()) });
    }
  }
}

/** `[count, dimensions]` in one piece. */
function vectors(rows: readonly ExchangeRow[], dimensions: number): Data {
  const { length } = rows;
  const data = new Float32Array(length * dimensions);
  for (const [i, { vector }] of rows.entries()) if (vector) data.set(vector, i * dimensions);
  const child = makeData({ type: new Float32(), length: data.length, data });
  return makeData({
    type: vectorType(dimensions),
    length,
    ...nullsOf(rows.map(({ vector }) => vector)),
    child,
  });
}

const ENCODER = new TextEncoder();

function texts(strings: readonly Maybe<string>[]): Data<Utf8> {
  const encoded = strings.map((string) => ENCODER.encode(string ?? ''));
  const valueOffsets = offsetsOf(encoded.map((bytes) => bytes.length));
  const data = new Uint8Array(valueOffsets[strings.length]);
  for (const [i, bytes] of encoded.entries()) data.set(bytes, valueOffsets[i]);
  return makeData({ type: new Utf8(), length: strings.length, ...nullsOf(strings), valueOffsets, data });
}

/** Where each begins, and the last one ends: `[count + 1]`. */
function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  for (const [i, length] of lengths.entries()) offsets[i + 1] = offsets[i] + length;
  return offsets;
}

function nullsOf(cells: readonly unknown[]): { nullCount: number; nullBitmap?: Uint8Array } {
  const isThere = (cell: unknown) => cell !== null && cell !== undefined;
  const nullCount = cells.length - cells.filter(isThere).length;
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: bitsOf(cells, isThere) };
}

/** Bit `i & 7` of byte `i >> 3`. */
function bitsOf(cells: readonly unknown[], isSet: (cell: unknown) => boolean): Uint8Array {
  const bits = new Uint8Array((cells.length + 7) >> 3);
  for (const [i, cell] of cells.entries()) if (isSet(cell)) bits[i >> 3] |= 1 << (i & 7);
  return bits;
}
