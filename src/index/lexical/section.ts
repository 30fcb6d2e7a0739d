import { crc32 } from '../../crc32.ts';
import { DictionaryBlock } from './dictionary-block.ts';
import { decodePostings } from './posting-code.ts';
import type { PostingBuffer, PostingList, Postings } from './postings.ts';
import {
  BLOCK_WORDS,
  corrupt,
  HEADER_BYTES,
  MOST_BLOCK_BYTES,
  readHeader,
  type SectionHeader,
  type SectionPlaces,
  sectionPlaces,
} from './section-layout.ts';

/** Where the bytes of a section are: memory, or a range of a file. */
export interface SectionReader {
  /** Number of bytes. */
  readonly size: number;
  /** The bytes from `start` to `end`, which need not stay as they are after the next call. */
  read(start: number, end: number): Uint8Array;
}

/**
 * Postings that do not change, in a file or in memory. Two bytes a row and twelve for each KiB of the dictionary are read at first; a
 * search reads a block of the dictionary and the rows of each of its terms. What is read is checked first.
 */
export class LexicalSection implements Postings {
  readonly rows: number;
  readonly totalLength: number;
  readonly termCount: number;

  private constructor(
    private readonly reader: SectionReader,
    private readonly name: string,
    private readonly header: SectionHeader,
    private readonly places: SectionPlaces,
    readonly lengths: Uint16Array,
    /** `[blocks, 3]`, see {@link SectionHeader}. */
    private readonly table: Uint32Array,
  ) {
    this.rows = header.rows;
    this.totalLength = header.totalLength;
    this.termCount = header.termCount;
  }

  /**
   * @param source - the bytes, in memory or elsewhere.
   * @param name - of the file, for messages.
   * @throws SternaError `corrupt-file` for what is damaged, or of a later version. {@link find} and reading do so, too.
   */
  static from(source: SectionReader | Uint8Array, name = 'the index'): LexicalSection {
    const reader = source instanceof Uint8Array ? inMemory(source) : source;
    const header = readHeader(reader.read(0, Math.min(HEADER_BYTES, reader.size)), name);
    const places = sectionPlaces(header);
    if (places.end !== reader.size)
      throw corrupt(name, `there are ${reader.size} of them; needed: ${places.end}`);
    const bytes = read(reader, places.lengths, places.dictionary, name).slice();
    if (crc32(bytes) !== header.checksum)
      throw corrupt(name, 'the checksum of their lengths and block table does not match');
    const lengths = new Uint16Array(bytes.buffer, 0, header.rows);
    const table = new Uint32Array(bytes.buffer, places.blocks - places.lengths, BLOCK_WORDS * header.blocks);
    checkLengths(lengths, header, name);
    checkTable(table, header, name);
    return new LexicalSection(reader, name, header, places, lengths, table);
  }

  find(term: number): PostingList | undefined {
    const number = this.blockOf(term);
    if (number < 0) return undefined;
    const block = this.block(number);
    while (block.next()) {
      if (block.term === term) return this.listIn(block);
      if (block.term > term) return undefined;
    }
    return undefined;
  }

  *lists(): Generator<readonly [term: number, list: PostingList]> {
    for (let number = 0; number < this.header.blocks; number++) {
      const block = this.block(number);
      while (block.next()) yield [block.term, this.listIn(block)];
    }
  }

  /** The last block whose first term is not greater; −1 where there is none. */
  private blockOf(term: number): number {
    let low = 0;
    let high = this.header.blocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.table[BLOCK_WORDS * middle] <= term) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private block(number: number): DictionaryBlock {
    const { table, places, header, name, rows } = this;
    const at = BLOCK_WORDS * number;
    const isLast = number + 1 === header.blocks;
    const end = isLast ? header.dictionaryBytes : table[at + BLOCK_WORDS + 1];
    // A copy, because inline postings are read after other bytes.
    const bytes = read(this.reader, places.dictionary + table[at + 1], places.dictionary + end, name).slice();
    if (crc32(bytes) !== table[at + 2]) throw corrupt(name, `the checksum of block ${number} does not match`);
    const termLimit = isLast ? 2 ** 32 : table[at + BLOCK_WORDS];
    return new DictionaryBlock(bytes, { number, firstTerm: table[at], termLimit, rows, name });
  }

  /** The rows of the entry at which a block is. */
  private listIn({ term, count, bytes, place, isInline, inline, checksum }: DictionaryBlock): PostingList {
    const postings = isInline ? () => inline : () => this.postingsAt(place, bytes, checksum);
    const decode = (into: PostingBuffer) => {
      if (decodePostings(postings(), count, this.rows, into)) return;
      throw corrupt(this.name, `the rows of term ${term} are not as they should be`);
    };
    return { count, read: decode };
  }

  private postingsAt(place: number, size: number, checksum: number): Uint8Array {
    const { places, header, name } = this;
    if (place + size > header.postingBytes) throw corrupt(name, `postings at ${place} end beyond them`);
    const start = places.postings + place;
    const bytes = read(this.reader, start, start + size, name);
    if (crc32(bytes) !== checksum)
      throw corrupt(name, `the checksum of the postings at ${place} does not match`);
    return bytes;
  }
}

function inMemory(bytes: Uint8Array): SectionReader {
  return { size: bytes.length, read: (start, end) => bytes.subarray(start, end) };
}

function read(reader: SectionReader, start: number, end: number, name: string): Uint8Array {
  const bytes = reader.read(start, end);
  if (bytes.length !== end - start)
    throw corrupt(name, `there are ${bytes.length} from ${start} on; needed: ${end - start}`);
  return bytes;
}

function checkLengths(lengths: Uint16Array, { totalLength }: SectionHeader, name: string): void {
  let sum = 0;
  for (const length of lengths) sum += length;
  if (sum !== totalLength)
    throw corrupt(name, `their rows have ${sum} terms together, and the header says ${totalLength}`);
}

function checkTable(table: Uint32Array, header: SectionHeader, name: string): void {
  const { blocks, dictionaryBytes, termCount } = header;
  for (let block = 0; block < blocks; block++) {
    const at = BLOCK_WORDS * block;
    const isLast = block + 1 === blocks;
    const isInOrder = block === 0 ? table[1] === 0 : table[at] > table[at - BLOCK_WORDS];
    const size = (isLast ? dictionaryBytes : table[at + BLOCK_WORDS + 1]) - table[at + 1];
    if (!isInOrder || size < 1 || size > MOST_BLOCK_BYTES)
      throw corrupt(name, `block ${block} is not as it should be`);
  }
  if (termCount > dictionaryBytes || (blocks === 0) !== (termCount === 0))
    throw corrupt(name, `they have ${termCount} terms in ${blocks} blocks`);
}
