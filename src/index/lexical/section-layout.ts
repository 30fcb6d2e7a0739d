import { crc32 } from '../../crc32.ts';
import { SternaError } from '../../errors.ts';

/**
 * The bytes of postings, little-endian:
 *
 * ```
 *  0  u32  magic "SLEX"
 *  4  u32  version
 *  8  u32  rows
 * 12  u32  different terms
 * 16  f64  sum of the rows' lengths
 * 24  u32  blocks of the dictionary
 * 28  u32  bytes of the dictionary
 * 32  u32  bytes of the postings
 * 36  u32  CRC-32 of lengths and block table
 * 40  u32  CRC-32 of the 40 bytes before
 * 44  u32  0
 * 48  u16  [rows] lengths: number of terms of each row
 *     u32  [blocks, 3] block table: first term, place in the dictionary, CRC-32 of the block
 *     u8   dictionary: blocks of about 1 KiB, of entries in ascending order of terms
 *     u8   postings of the terms that have many
 * ```
 *
 * Each of the four begins at a multiple of 8. An entry of the dictionary is
 *
 * ```
 * varint  term − the term before, or 0 for the first of a block
 * varint  number of rows
 * varint  bytes of its postings
 * u8      its postings, where they are at most 48 bytes; otherwise
 * varint  their place among the postings
 * u32     their CRC-32
 * ```
 *
 * So rare terms, which are by far the most, are found and read at once, and only the block table is held in memory.
 */
export interface SectionHeader {
  readonly rows: number;
  readonly termCount: number;
  readonly totalLength: number;
  readonly blocks: number;
  readonly dictionaryBytes: number;
  readonly postingBytes: number;
  /** Of lengths and block table. */
  readonly checksum: number;
}

const MAGIC = 0x58454c53;
const VERSION = 1;
export const HEADER_BYTES = 48;
const CHECKED_BYTES = 40;

/** Postings of at most as many bytes stand in the dictionary. */
export const MOST_INLINE = 48;

/** A block of the dictionary ends once it has as many bytes. */
export const BLOCK_BYTES = 1024;

/** Longest block that a writer can make: one that was all but full, and an entry. */
export const MOST_BLOCK_BYTES = BLOCK_BYTES + 128;

/** Words of an entry of the block table. */
export const BLOCK_WORDS = 3;

/** Where the parts of a section begin. */
export interface SectionPlaces {
  readonly lengths: number;
  readonly blocks: number;
  readonly dictionary: number;
  readonly postings: number;
  readonly end: number;
}

export function sectionPlaces({ rows, blocks, dictionaryBytes, postingBytes }: SectionHeader): SectionPlaces {
  const table = align(HEADER_BYTES + 2 * rows);
  const dictionary = align(table + 4 * BLOCK_WORDS * blocks);
  const postings = align(dictionary + dictionaryBytes);
  return { lengths: HEADER_BYTES, blocks: table, dictionary, postings, end: align(postings + postingBytes) };
}

export function writeHeader(bytes: Uint8Array, header: SectionHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, header.rows, true);
  view.setUint32(12, header.termCount, true);
  view.setFloat64(16, header.totalLength, true);
  view.setUint32(24, header.blocks, true);
  view.setUint32(28, header.dictionaryBytes, true);
  view.setUint32(32, header.postingBytes, true);
  view.setUint32(36, header.checksum, true);
  view.setUint32(CHECKED_BYTES, crc32(bytes.subarray(0, CHECKED_BYTES)), true);
}

/** @throws SternaError `corrupt-file`. */
export function readHeader(bytes: Uint8Array, name: string): SectionHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw corrupt(name, 'they do not begin as such do');
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
  return {
    rows: view.getUint32(8, true),
    termCount: view.getUint32(12, true),
    totalLength: view.getFloat64(16, true),
    blocks: view.getUint32(24, true),
    dictionaryBytes: view.getUint32(28, true),
    postingBytes: view.getUint32(32, true),
    checksum: view.getUint32(36, true),
  };
}

/** @param name - of the file, for the message. */
export function corrupt(name: string, words: string): SternaError {
  return new SternaError('corrupt-file', `The bytes of ${name} are no usable postings: ${words}.`);
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
