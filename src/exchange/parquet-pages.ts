import type { ColumnMetaData, Compressors, SchemaElement } from 'hyparquet';
import { snappyUncompress } from 'hyparquet';
import { checkDeltas, checkRuns } from './parquet-runs.ts';
import { readThrift, type ThriftFields } from './thrift.ts';

/** Most values of a column in one group of rows; lists count their entries. */
export const MOST_VALUES = 2 ** 27;
/** Most bytes of a column in one group of rows, decompressed. */
export const MOST_BYTES = 2 ** 30;

/** A column's part of a group of rows. */
export interface ColumnChunk {
  readonly bytes: Uint8Array;
  readonly metadata: ColumnMetaData;
  /** From below the root to the values. */
  readonly path: readonly SchemaElement[];
  /** Rows of the group. */
  readonly rows: number;
}

/** Bytes that a writer may leave after the last block of differences. */
const SLACK_BYTES = 1024;

/** Numbers of page types and encodings in the format. */
const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const DATA_PAGE_V2 = 3;
const PLAIN = 0;
const PLAIN_DICTIONARY = 2;
const RLE = 3;
const DELTA_BINARY = 5;
const DELTA_LENGTH = 6;
const RLE_DICTIONARY = 8;
const BYTE_STREAM_SPLIT = 9;

/**
 * Checks the pages of a column before anybody unpacks them: their counts, sizes and runs must fit the group and the bytes.
 *
 * @returns what each page has in decompressed form, in order; nothing for columns that are not compressed.
 * @throws RangeError, or what a decompressor throws.
 */
export function checkPages(chunk: ColumnChunk, compressors: Compressors): Uint8Array[] {
  const { bytes, rows } = chunk;
  const pages = new Pages(chunk, compressors);
  // Like the reader's, the walk ends at a last byte that is no page.
  for (let at = 0; at < bytes.length - 1 && !(pages.isFlat && pages.values >= rows); ) {
    const { fields, end } = readThrift(bytes, at);
    const size = whole(fields, 3);
    if (size > bytes.length - end) throw new RangeError(`a page of ${size} bytes in ${bytes.length - end}`);
    pages.check(fields, bytes.subarray(end, end + size));
    at = end + size;
  }
  if (pages.isFlat && pages.values !== rows) throw new RangeError(`${pages.values} values for ${rows} rows`);
  return pages.decompressed;
}

class Pages {
  values = 0;
  readonly decompressed: Uint8Array[] = [];
  readonly isFlat: boolean;
  private readonly repetition: number;
  private readonly definition: number;
  private size = 0;

  constructor(
    private readonly chunk: ColumnChunk,
    private readonly compressors: Compressors,
  ) {
    const count = (type: (repetition: string | undefined) => boolean) =>
      chunk.path.filter((element) => type(element.repetition_type)).length;
    this.repetition = count((type) => type === 'REPEATED');
    this.definition = count((type) => type !== 'REQUIRED');
    this.isFlat = chunk.path.length === 1 && this.repetition === 0;
  }

  check(header: ThriftFields, bytes: Uint8Array): void {
    const type = whole(header, 1);
    const size = whole(header, 2);
    this.size += size;
    if (this.size > MOST_BYTES)
      throw new RangeError(`more than ${MOST_BYTES} bytes in one group of rows; write smaller groups`);
    if (type === DATA_PAGE) this.checkData(struct(header, 5), size, bytes);
    else if (type === DATA_PAGE_V2) this.checkDataV2(struct(header, 8), size, bytes);
    else if (type === DICTIONARY_PAGE) this.checkDictionary(struct(header, 7), size, bytes);
    else throw new RangeError(`a page of type ${type}`);
  }

  private checkDictionary(header: ThriftFields, size: number, bytes: Uint8Array): void {
    const page = this.decompress(bytes, size);
    const values = whole(header, 1);
    if (values > page.length) throw new RangeError(`${values} dictionary values in ${page.length} bytes`);
  }

  private checkData(header: ThriftFields, size: number, bytes: Uint8Array): void {
    const values = this.count(header);
    const page = this.decompress(bytes, size);
    let at = 0;
    for (const level of [this.repetition, this.definition]) {
      if (level > 0) at = levelsEnd(page, at, bits(level), values);
    }
    this.checkValues(page, at, whole(header, 2), values);
  }

  private checkDataV2(header: ThriftFields, size: number, bytes: Uint8Array): void {
    const values = this.count(header);
    if (whole(header, 2) > values) throw new RangeError('a page has more nulls than values');
    const definitions = whole(header, 5);
    const repetitions = whole(header, 6);
    const levels = definitions + repetitions;
    if (levels > size || levels > bytes.length)
      throw new RangeError('the levels of a page are larger than it');
    if (this.repetition > 0) checkRuns(bytes, 0, repetitions, bits(this.repetition), values, true);
    if (this.definition > 0) checkRuns(bytes, repetitions, levels, bits(this.definition), values, true);
    const rest = bytes.subarray(levels);
    const page = header.get(7) === 0 ? rest : this.decompress(rest, size - levels);
    this.checkValues(page, 0, whole(header, 4), values);
  }

  /** Values of a data page, added to those before. */
  private count(header: ThriftFields): number {
    const values = whole(header, 1);
    this.values += values;
    // Entries of lists take a bit each at least, but for those that are all equal.
    const most = this.isFlat
      ? this.chunk.rows
      : Math.min(MOST_VALUES, this.chunk.rows + 8 * this.size + 1024);
    if (this.values > most)
      throw new RangeError(`${this.values} values, at most ${most} are read; write smaller groups of rows`);
    return values;
  }

  /** @param values - how many there are, nulls included, which take no bytes. */
  private checkValues(page: Uint8Array, at: number, encoding: number, values: number): void {
    const { type, type_length: width = 8 } = this.chunk.path[this.chunk.path.length - 1];
    const isBoolean = type === 'BOOLEAN';
    const isEmpty = at >= page.length;
    if (encoding === PLAIN || isEmpty) return;
    if (encoding === RLE && isBoolean) {
      checkRuns(page, at + 4, page.length, 1, values, false);
    } else if ((encoding === RLE_DICTIONARY || encoding === PLAIN_DICTIONARY) && !isBoolean) {
      checkRuns(page, at + 1, page.length, page[at], values, false);
    } else if (encoding === DELTA_BINARY) {
      if (checkDeltas(page, at, values) + SLACK_BYTES < page.length)
        throw new RangeError('bytes follow upon differences');
    } else if (encoding === DELTA_LENGTH) {
      checkDeltas(page, at, values);
    } else if (encoding === BYTE_STREAM_SPLIT) {
      if (width * values > MOST_BYTES) throw new RangeError(`${values} values of ${width} bytes in a page`);
    } else {
      // Such as that of shared beginnings, by which a page can have the square of its bytes.
      throw new RangeError(`encoding ${encoding} of ${type} is not read; write it plain or by dictionary`);
    }
  }

  private decompress(bytes: Uint8Array, size: number): Uint8Array {
    const { codec } = this.chunk.metadata;
    if (codec === 'UNCOMPRESSED') {
      if (bytes.length !== size) throw new RangeError(`a page of ${size} bytes has ${bytes.length}`);
      return bytes;
    }
    const page = decompress(bytes, size, this.compressors[codec], codec);
    if (page.length !== size) throw new RangeError(`a page of ${size} bytes has ${page.length} decompressed`);
    this.decompressed.push(page);
    return page;
  }
}

function decompress(
  bytes: Uint8Array,
  size: number,
  compressor: Compressors[keyof Compressors],
  codec: string,
): Uint8Array {
  if (size === 0) return new Uint8Array(0);
  if (compressor) return compressor(bytes, size);
  if (codec !== 'SNAPPY') {
    throw new RangeError(
      `it is compressed with ${codec}; give \`compressors\`, such as those of the package hyparquet-compressors`,
    );
  }
  // Three bytes stand for 64 at most.
  if (size > 64 + 22 * bytes.length) throw new RangeError(`${size} bytes of ${bytes.length} by Snappy`);
  const page = new Uint8Array(size);
  snappyUncompress(bytes, page);
  return page;
}

/** Levels after their length. @returns where they end. */
function levelsEnd(bytes: Uint8Array, at: number, width: number, values: number): number {
  if (at + 4 > bytes.length) throw new RangeError('a page ends before its runs');
  const end = at + 4 + new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  checkRuns(bytes, at + 4, end, width, values, true);
  return end;
}

/** Bits of a level. */
const bits = (most: number) => 32 - Math.clz32(most);

function whole(fields: ThriftFields, field: number): number {
  const value = fields.get(field);
  if (typeof value !== 'number' || !(value >= 0 && value < 2 ** 31))
    throw new RangeError(`field ${field} of a page is ${typeof value === 'number' ? value : 'missing'}`);
  return value;
}

function struct(fields: ThriftFields, field: number): ThriftFields {
  const value = fields.get(field);
  if (typeof value !== 'object') throw new RangeError(`field ${field} of a page is missing`);
  return value;
}
