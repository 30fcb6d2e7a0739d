import {
  type AsyncBuffer,
  type Compressors,
  type DecodedArray,
  type FileMetaData,
  parquetMetadata,
  parquetRead,
  type RowGroup,
  type SchemaElement,
} from 'hyparquet';
import type { ExchangeFile, ExchangeRow, ReadOptions } from './exchange.ts';
import { HEADER_KEY, readHeader } from './header.ts';
import { checkPages, MOST_BYTES } from './parquet-pages.ts';
import { columnPaths } from './parquet-schema.ts';
import { type ExchangeSource, type RandomReader, randomReader } from './random-reader.ts';
import { asCorrupt, corrupt } from './refusals.ts';
import { type Cells, rowMaker } from './rows.ts';
import { textOf } from './text.ts';
import { readThrift } from './thrift.ts';

/** How to read a Parquet file. */
export interface ParquetReadOptions extends ReadOptions {
  /** Decompressors of codecs besides Snappy, such as `compressors` of the package hyparquet-compressors. */
  compressors?: Compressors;
}

const WHAT = 'Parquet file';

/** Most rows of a group. */
const MOST_ROWS = 2 ** 21;
/** Longest footer. */
const MOST_FOOTER = 2 ** 28;

/**
 * Opens a Parquet file: an export, or one from elsewhere. The columns of one group of rows are in memory at a time, of at most 2,097,152 rows and a gibibyte a column.
 *
 * @throws SternaError `corrupt-file`; `invalid-input` for a column that is not there.
 */
export async function fromParquet(
  source: ExchangeSource,
  options: ParquetReadOptions = {},
): Promise<ExchangeFile> {
  const file = randomReader(source);
  const metadata = await readFooter(file);
  try {
    const paths = columnPaths(metadata.schema);
    const json = metadata.key_value_metadata?.find(({ key }) => key === HEADER_KEY)?.value;
    const header = json === undefined ? undefined : readHeader(WHAT, json);
    const names = [...new Set([...paths.values()].map(([{ name }]) => name))];
    const groups = new GroupReader(file, metadata, paths, options.compressors ?? {});
    const rows = {
      // Each walk over the rows begins anew.
      [Symbol.asyncIterator]: () => rowsOf(groups, metadata, rowMaker(WHAT, names, header, options)),
    };
    rowMaker(WHAT, names, header, options);
    return { header, rows };
  } catch (error) {
    throw asCorrupt(WHAT, error);
  }
}

async function* rowsOf(
  groups: GroupReader,
  { row_groups }: FileMetaData,
  maker: ReturnType<typeof rowMaker>,
): AsyncGenerator<ExchangeRow> {
  for (const group of row_groups) {
    const cells = new Map<string, Cells>();
    try {
      for (const column of maker.columns) cells.set(column, await groups.column(group, column));
    } catch (error) {
      throw asCorrupt(WHAT, error);
    }
    yield* maker.rows(cells, Number(group.num_rows));
  }
}

/** The footer, whose structures are checked before the package allocates anything for them. */
async function readFooter({ size, read }: RandomReader): Promise<FileMetaData> {
  if (size < 12) throw corrupt(WHAT, `it has ${size} bytes; needed: at least 12`);
  const tail = await read(size - 8, size);
  const magic = String.fromCharCode(...tail.subarray(4));
  if (magic === 'PARE') throw corrupt(WHAT, 'its footer is encrypted');
  if (magic !== 'PAR1') throw corrupt(WHAT, 'it does not end as one does');
  const length = new DataView(tail.buffer, tail.byteOffset, 4).getUint32(0, true);
  if (length > size - 12 || length > MOST_FOOTER)
    throw corrupt(WHAT, `its footer has ${length} bytes and the file ${size}`);
  const footer = await read(size - 8 - length, size);
  try {
    readThrift(footer.subarray(0, length));
    return parquetMetadata(footer, { geoparquet: false });
  } catch (error) {
    throw asCorrupt(WHAT, error);
  }
}

/** Columns of groups of rows, checked before they are unpacked. */
class GroupReader {
  constructor(
    private readonly file: RandomReader,
    private readonly metadata: FileMetaData,
    private readonly paths: ReadonlyMap<string, readonly SchemaElement[]>,
    private readonly compressors: Compressors,
  ) {}

  /** All values of a column. @throws Error of any kind. */
  async column(group: RowGroup, name: string): Promise<Cells> {
    const rows = Number(group.num_rows);
    if (!(rows >= 0 && rows <= MOST_ROWS))
      throw new RangeError(`a group has ${rows} rows, at most ${MOST_ROWS} are read; write smaller groups`);
    if (rows === 0) return [];
    const chunks = new Chunks();
    const columns = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === name);
    if (columns.length === 0) throw new RangeError(`a group lacks column "${name}"`);
    for (const { meta_data: metadata, file_path } of columns) {
      const path = this.paths.get(metadata!.path_in_schema.join('.'));
      if (!path || file_path) throw new RangeError(`column "${name}" is not as the schema says`);
      if (path[path.length - 1].type !== metadata!.type)
        throw new RangeError(`column "${name}" has another type in a group`);
      const start = Number(metadata!.dictionary_page_offset || metadata!.data_page_offset);
      const bytes = await this.read(start, start + Number(metadata!.total_compressed_size));
      const pages = checkPages({ bytes, metadata: metadata!, path, rows }, this.compressors);
      chunks.add(start, bytes, metadata!.codec, pages);
    }
    const pieces: DecodedArray[] = [];
    await parquetRead({
      file: chunks.file(this.file.size),
      metadata: { ...this.metadata, num_rows: group.num_rows, row_groups: [{ ...group, columns }] },
      columns: [name],
      compressors: chunks.compressors(),
      parsers: PARSERS,
      onChunk: ({ columnData }) => pieces.push(columnData),
    });
    const cells = pieces.length === 1 ? pieces[0] : pieces.flatMap((piece) => Array.from(piece));
    if (cells.length !== rows)
      throw new RangeError(`column "${name}" has ${cells.length} values in a group of ${rows} rows`);
    return cells;
  }

  private async read(start: number, end: number): Promise<Uint8Array> {
    if (!(start >= 0 && end >= start && end <= this.file.size))
      throw new RangeError(`bytes ${start} to ${end} of a file of ${this.file.size}`);
    if (end - start > MOST_BYTES)
      throw new RangeError(`a column has ${end - start} bytes in a group of rows; write smaller groups`);
    return this.file.read(start, end);
  }
}

/** Bytes that are no text stay bytes; others become it, even where the file does not say that they are. */
const PARSERS = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && (textOf(bytes) ?? bytes) };

/** Column chunks that were read and checked, in place of the file and of its decompressors. */
class Chunks {
  private readonly bytes = new Map<number, Uint8Array>();
  private readonly pages = new Map<string, Uint8Array[]>();

  add(start: number, bytes: Uint8Array, codec: string, pages: Uint8Array[]): void {
    this.bytes.set(start, bytes);
    this.pages.set(codec, [...(this.pages.get(codec) ?? []), ...pages]);
  }

  file(byteLength: number): AsyncBuffer {
    return {
      byteLength,
      slice: (start, end = byteLength) => this.slice(start, end),
    };
  }

  /** Pages come in the order in which they were checked. */
  compressors(): Compressors {
    const next = (pages: Uint8Array[]) => (_: Uint8Array, size: number) => {
      const page = size === 0 ? new Uint8Array(0) : pages.shift();
      if (page?.length !== size) throw new RangeError('pages are not in order');
      return page;
    };
    return Object.fromEntries([...this.pages].map(([codec, pages]) => [codec, next(pages)]));
  }

  /** What lies between columns is asked for where they are near each other, and looked at by nobody. */
  private slice(start: number, end: number): ArrayBuffer {
    if (end - start > MOST_BYTES) throw new RangeError('a column has more than a gibibyte');
    const whole = this.bytes.get(start);
    if (whole?.length === end - start && whole.length === whole.buffer.byteLength)
      return whole.buffer as ArrayBuffer;
    const slice = new Uint8Array(end - start);
    for (const [at, bytes] of this.bytes) {
      const from = Math.max(start, at);
      const to = Math.min(end, at + bytes.length);
      if (from < to) slice.set(bytes.subarray(from - at, to - at), from - start);
    }
    return slice.buffer;
  }
}
