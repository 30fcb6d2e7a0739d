import { crc32 } from '../../crc32.ts';
import { SternaError } from '../../errors.ts';

/**
 * The bytes of metadata, little-endian:
 *
 * ```
 *  0  u32  magic "SMET"
 *  4  u32  version
 *  8  u32  documents
 * 12  u32  bytes of the directory
 * 16  u32  CRC-32 of the directory
 * 20  u32  CRC-32 of the 20 bytes before
 * 24  u8   directory: JSON [[name of the field, bytes of its column, CRC-32 of its column], …]
 *     u8   columns, in the order of the directory, up to the end
 * ```
 *
 * A column is
 *
 * ```
 * u32  [8] number of different numbers, words of their postings; the same two of dates, and of texts; code units of all texts; 1 if there are booleans
 * u32  [words] bitmap of the documents that have a value
 * u32  [words] bitmap of those with true, and another one of those with false, if there are booleans
 * f64  [numbers] ascending, and postings
 * f64  [dates] milliseconds since 1970, ascending, and postings
 * u32  [texts + 1] starts of the texts, then their u16 UTF-16 code units, in ascending order, and postings
 * ```
 *
 * where postings are
 *
 * ```
 * u32  [values + 1] where each value's documents begin, in words
 * u32  the documents of each value: a bitmap, where their numbers would not take less
 * ```
 *
 * Everything begins at a multiple of 8. Texts are kept as code units so that they are found in place and in the order of JavaScript, whatever they hold.
 */
export interface Directory {
  readonly documents: number;
  readonly fields: readonly DirectoryEntry[];
}

export interface DirectoryEntry {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly checksum: number;
}

const MAGIC = 0x54454d53;
const VERSION = 1;
const HEADER_BYTES = 24;
const CHECKED_BYTES = 20;

/** Numbers at the start of a column. */
export const COLUMN_COUNTS = 8;

/** So that a few bytes cannot ask for more than 16 MiB of a bitmap. */
export const MOST_DOCUMENTS = 2 ** 27;

export function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** @param columns - bytes of each field's column. */
export function joinColumns(
  documents: number,
  columns: ReadonlyMap<string, Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const entries = [...columns].map(([name, column]) => [name, column.length, crc32(column)]);
  const directory = new TextEncoder().encode(JSON.stringify(entries));
  const start = align(HEADER_BYTES + directory.length);
  const bytes = new Uint8Array([...columns.values()].reduce((end, column) => end + column.length, start));
  const view = new DataView(bytes.buffer);
  const header = [MAGIC, VERSION, documents, directory.length, crc32(directory)];
  for (const [i, word] of header.entries()) view.setUint32(4 * i, word, true);
  view.setUint32(CHECKED_BYTES, crc32(bytes.subarray(0, CHECKED_BYTES)), true);
  bytes.set(directory, HEADER_BYTES);
  let at = start;
  for (const column of columns.values()) {
    bytes.set(column, at);
    at += column.length;
  }
  return bytes;
}

/** @throws SternaError `corrupt-file`. */
export function readDirectory(bytes: Uint8Array, name: string): Directory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw corrupt(name, 'they do not begin as such does');
  }
  const version = view.getUint32(4, true);
  if (version > VERSION) {
    throw corrupt(
      name,
      `they have version ${version} of the format and this library reads ${VERSION}; update the library`,
    );
  }
  if (version !== VERSION)
    throw corrupt(name, `they have version ${version} of the format, which there is not`);
  if (view.getUint32(CHECKED_BYTES, true) !== crc32(bytes.subarray(0, CHECKED_BYTES))) {
    throw corrupt(name, 'the checksum of their header does not match');
  }
  const documents = view.getUint32(8, true);
  if (documents > MOST_DOCUMENTS)
    throw corrupt(name, `they have ${documents} documents; at most: ${MOST_DOCUMENTS}`);
  const end = HEADER_BYTES + view.getUint32(12, true);
  if (end > bytes.length) throw corrupt(name, 'their directory ends beyond them');
  const directory = bytes.subarray(HEADER_BYTES, end);
  if (crc32(directory) !== view.getUint32(16, true)) {
    throw corrupt(name, 'the checksum of their directory does not match');
  }
  return { documents, fields: fieldsIn(directory, align(end), bytes.length, name) };
}

function fieldsIn(directory: Uint8Array, start: number, end: number, name: string): DirectoryEntry[] {
  let entries: unknown;
  try {
    entries = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(directory));
  } catch {
    throw corrupt(name, 'their directory is no JSON');
  }
  if (!Array.isArray(entries) || !entries.every(isEntry)) throw corrupt(name, 'their directory is none');
  let at = start;
  const fields = entries.map(([field, bytes, checksum]) => {
    const from = at;
    at += bytes;
    return { name: field, start: from, end: at, checksum };
  });
  if (at !== end) throw corrupt(name, `they have ${end} bytes; needed by their directory: ${at}`);
  if (new Set(fields.map((field) => field.name)).size < fields.length)
    throw corrupt(name, 'they have a field twice');
  return fields;
}

function isEntry(entry: unknown): entry is [string, number, number] {
  if (!Array.isArray(entry) || entry.length !== 3) return false;
  const [name, bytes, checksum] = entry;
  return typeof name === 'string' && isLength(bytes) && typeof checksum === 'number';
}

function isLength(bytes: unknown): boolean {
  return Number.isSafeInteger(bytes) && (bytes as number) >= 0 && (bytes as number) % 8 === 0;
}

/** @param name - of the file, for the message. */
export function corrupt(name: string, words: string): SternaError {
  return new SternaError('corrupt-file', `The bytes of ${name} are no usable metadata: ${words}.`);
}
