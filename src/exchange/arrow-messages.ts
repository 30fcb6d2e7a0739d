import type { RandomReader } from './random-reader.ts';

/**
 * Arrow's messages, framed and checked:
 *
 * ```
 * u32  0xffffffff; absent in streams of before 2019
 * u32  bytes of the metadata, 0 at the end of the stream
 *      the metadata: a FlatBuffers table Message { version, kind, header, bytes of the body, … }
 *      the body
 * ```
 *
 * A file is the same between two magic words, with a table of contents at its end. It is needed only where the schema is not in front, because its
 * writer put it there alone.
 */

/** Before the length of every message since 2019. */
const MARK = 0xffffffff;
/** What a file begins and ends with. */
const MAGIC = 'ARROW1';

/** Most bytes of metadata and of a body. */
const MOST_METADATA = 2 ** 26;
const MOST_BODY = 2 ** 30;

const SCHEMA = 1;
const DICTIONARY = 2;
const BATCH = 3;

/** Most fields of a schema, and how deep they may be nested. */
const MOST_FIELDS = 10_000;
const MOST_DEPTH = 32;

/**
 * The messages of a stream or file, each as it was, prefix and body together. The package that decodes them believes every count in them; here
 * they are held against the bytes.
 *
 * @throws RangeError where they do not fit.
 */
export async function* messagesOf(file: RandomReader): AsyncGenerator<Uint8Array> {
  const { size, read } = file;
  const isFile = String.fromCharCode(...(await read(0, Math.min(6, size)))) === MAGIC;
  let hasSchema = false;
  for (let at = isFile ? 8 : 0; ; ) {
    const message = await messageAt(file, at);
    if (!hasSchema && message?.kind !== SCHEMA) {
      if (!isFile) throw new RangeError('it has no schema');
      yield await schemaOfContents(file);
    } else if (hasSchema && message?.kind === SCHEMA) {
      throw new RangeError('it has two schemas');
    }
    hasSchema = true;
    if (!message) return;
    // A copy begins at a multiple of eight, so that columns can be read in place.
    yield (await read(at, message.end)).slice();
    at = message.end;
  }
}

/** The message that begins at a place; nothing at the end. */
async function messageAt(
  { size, read }: RandomReader,
  at: number,
): Promise<{ kind: number; end: number } | undefined> {
  if (at === size) return undefined;
  if (at + 4 > size) throw new RangeError('it ends within a message');
  const prefix = viewOf(await read(at, Math.min(at + 8, size)));
  const isMarked = prefix.getUint32(0, true) === MARK;
  const length = prefix.getUint32(isMarked ? 4 : 0, true);
  if (length === 0) return undefined;
  const start = at + (isMarked ? 8 : 4);
  if (length > MOST_METADATA || start + length > size)
    throw new RangeError(`a message has ${length} bytes of metadata`);
  const { kind, bodyBytes } = checkMessage(await read(start, start + length));
  const end = start + length + bodyBytes;
  if (bodyBytes > MOST_BODY || end > size)
    throw new RangeError(`a batch has ${bodyBytes} bytes; at most ${MOST_BODY} are read, write smaller ones`);
  return { kind, end };
}

/**
 * The schema out of the table of contents, as a message: offsets of FlatBuffers are relative, so a table before it can lead there.
 *
 * ```
 *  0  u32     0xffffffff, bytes of what follows
 *  8  u32     where the table is
 * 12  u16[6]  bytes of this list, of the table; places of version, kind and header in the table, no body
 * 24  table   i32 to the list, u16 version 5, u8 kind, u32 to the header
 * 40          the table of contents
 * ```
 */
async function schemaOfContents({ size, read }: RandomReader): Promise<Uint8Array> {
  if (size < 18) throw new RangeError('it ends too early');
  const tail = await read(size - 10, size);
  if (String.fromCharCode(...tail.subarray(4)) !== MAGIC) throw new RangeError('it does not end as one does');
  const length = viewOf(tail).getUint32(0, true);
  if (length > MOST_METADATA || length > size - 18)
    throw new RangeError(`its table of contents has ${length} bytes`);
  const contents = await read(size - 10 - length, size - 10);
  const view = viewOf(contents);
  const schema = new Table(view, view.getUint32(0, true)).target(1);
  const message = new Uint8Array(40 + length);
  const out = viewOf(message);
  for (const [i, word] of [MARK, 32 + length, 16].entries()) out.setUint32(4 * i, word, true);
  for (const [i, place] of [12, 12, 4, 6, 8, 0].entries()) out.setUint16(12 + 2 * i, place, true);
  out.setInt32(24, 12, true);
  out.setUint16(28, 4, true);
  out.setUint8(30, SCHEMA);
  out.setUint32(32, 8 + schema, true);
  message.set(contents, 40);
  checkMessage(message.subarray(8));
  return message;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** A table of FlatBuffers; every access is checked against the bytes. */
class Table {
  private readonly fields: number;
  private readonly fieldsEnd: number;

  constructor(
    readonly view: DataView,
    readonly at: number,
  ) {
    this.fields = at - view.getInt32(at, true);
    this.fieldsEnd = this.fields + view.getUint16(this.fields, true);
  }

  /** Where a field is; 0 if it is not there. */
  place(field: number): number {
    const slot = this.fields + 4 + 2 * field;
    if (slot + 2 > this.fieldsEnd) return 0;
    const offset = this.view.getUint16(slot, true);
    return offset === 0 ? 0 : this.at + offset;
  }

  byte(field: number): number {
    const place = this.place(field);
    return place === 0 ? 0 : this.view.getUint8(place);
  }

  /** A number of 64 bits, at least 0. */
  long(field: number): number {
    const place = this.place(field);
    const value = place === 0 ? 0 : Number(this.view.getBigInt64(place, true));
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`a length is ${value}`);
    return value;
  }

  /** Where the offset in a field leads. */
  target(field: number): number {
    const place = this.place(field);
    return place === 0 ? 0 : place + this.view.getUint32(place, true);
  }

  table(field: number): Table | undefined {
    const target = this.target(field);
    return target === 0 ? undefined : new Table(this.view, target);
  }

  /** Where the entries of a vector begin, and how many there are, of `bytes` each. */
  vector(field: number, bytes: number): { start: number; count: number } {
    const target = this.target(field);
    if (target === 0) return { start: 0, count: 0 };
    const count = this.view.getUint32(target, true);
    if (target + 4 + count * bytes > this.view.byteLength)
      throw new RangeError(`a list of ${count} in ${this.view.byteLength} bytes`);
    return { start: target + 4, count };
  }

  *tables(field: number): Generator<Table> {
    const { start, count } = this.vector(field, 4);
    for (let i = 0, at = start; i < count; i++, at += 4)
      yield new Table(this.view, at + this.view.getUint32(at, true));
  }
}

function checkMessage(bytes: Uint8Array): { kind: number; bodyBytes: number } {
  const view = viewOf(bytes);
  const message = new Table(view, view.getUint32(0, true));
  const kind = message.byte(1);
  const header = message.table(2);
  const bodyBytes = message.long(3);
  checkPairs(message, 4);
  if (!header) throw new RangeError('a message has no header');
  if (kind === SCHEMA) checkSchema(header);
  else if (kind === BATCH) checkBatch(header, bodyBytes);
  else if (kind === DICTIONARY) checkDictionary(header, bodyBytes);
  else throw new RangeError(`a message is of kind ${kind}`);
  return { kind, bodyBytes };
}

function checkSchema(schema: Table): void {
  if (schema.byte(0) !== 0) throw new RangeError('its numbers begin with the highest byte');
  let fields = 0;
  const visit = (field: Table, depth: number): void => {
    // Fields can be shared, so that few bytes make a tree without end.
    if (++fields > MOST_FIELDS || depth > MOST_DEPTH)
      throw new RangeError(
        `it has more than ${MOST_FIELDS} fields, or they are nested deeper than ${MOST_DEPTH}`,
      );
    field.vector(0, 1);
    field.table(3);
    field.table(4)?.table(1);
    checkPairs(field, 6);
    for (const child of field.tables(5)) visit(child, depth + 1);
  };
  for (const field of schema.tables(1)) visit(field, 0);
  checkPairs(schema, 2);
}

/** Pairs of key and value. */
function checkPairs(table: Table, field: number): void {
  for (const pair of table.tables(field)) {
    pair.vector(0, 1);
    pair.vector(1, 1);
  }
}

function checkDictionary(dictionary: Table, bodyBytes: number): void {
  const batch = dictionary.table(1);
  if (!batch) throw new RangeError('a dictionary has no values');
  // Each would make a longer copy of all before it.
  if (dictionary.byte(2) !== 0) throw new RangeError('it has dictionaries in pieces; write them whole');
  checkBatch(batch, bodyBytes);
}

function checkBatch(batch: Table, bodyBytes: number): void {
  batch.long(0);
  if (batch.place(3) !== 0)
    throw new RangeError('it is compressed; write it without compression, or as Parquet');
  batch.vector(1, 16);
  const { start, count } = batch.vector(2, 16);
  for (let i = 0, at = start; i < count; i++, at += 16) {
    const offset = Number(batch.view.getBigInt64(at, true));
    const length = Number(batch.view.getBigInt64(at + 8, true));
    if (!(offset >= 0 && length >= 0 && offset + length <= bodyBytes))
      throw new RangeError(`bytes ${offset} to ${offset + length} of a body of ${bodyBytes}`);
  }
}
