import { crc32 } from '../../crc32.ts';
import { SternaError } from '../../errors.ts';
import { ByteList } from './byte-list.ts';
import { encodePostings } from './posting-code.ts';
import type { PostingBuffer } from './postings.ts';
import {
  BLOCK_BYTES,
  MOST_INLINE,
  type SectionHeader,
  sectionPlaces,
  writeHeader,
} from './section-layout.ts';

/** Makes the bytes of postings, term by term. */
export class SectionWriter {
  private readonly dictionary = new ByteList();
  private readonly postings = new ByteList();
  private readonly table = new ByteList();
  private readonly encoded = new ByteList();
  private termCount = 0;
  private lastTerm = 0;
  private blockStart = 0;

  /** @param lengths - `[rows]` number of terms of each row. */
  constructor(private readonly lengths: Uint16Array) {}

  /** Appends a term, which is greater than the one before, with its rows, of which there is one at least. */
  add(term: number, rows: PostingBuffer): void {
    const { dictionary, encoded } = this;
    const isFirst = this.termCount === 0;
    if (isFirst || dictionary.length - this.blockStart >= BLOCK_BYTES) this.beginBlock(term);
    encoded.clear();
    encodePostings(rows, encoded);
    dictionary.varint(term - this.lastTerm);
    dictionary.varint(rows.count);
    dictionary.varint(encoded.length);
    if (encoded.length <= MOST_INLINE) dictionary.append(encoded.all);
    else {
      dictionary.varint(this.postings.length);
      dictionary.word(crc32(encoded.all));
      this.postings.append(encoded.all);
    }
    if (Math.max(this.postings.length, dictionary.length) >= 2 ** 32) throw tooLarge();
    this.lastTerm = term;
    this.termCount++;
  }

  /** All of it in one piece. */
  finish(): Uint8Array<ArrayBuffer> {
    this.endBlock();
    const { lengths, table, dictionary, postings } = this;
    const header = {
      rows: lengths.length,
      termCount: this.termCount,
      totalLength: lengths.reduce((sum, length) => sum + length, 0),
      blocks: table.length / 12,
      dictionaryBytes: dictionary.length,
      postingBytes: postings.length,
      checksum: 0,
    } satisfies SectionHeader;
    const places = sectionPlaces(header);
    const bytes = new Uint8Array(places.end);
    bytes.set(new Uint8Array(lengths.buffer, lengths.byteOffset, lengths.byteLength), places.lengths);
    bytes.set(table.all, places.blocks);
    bytes.set(dictionary.all, places.dictionary);
    bytes.set(postings.all, places.postings);
    const checksum = crc32(bytes.subarray(places.lengths, places.dictionary));
    writeHeader(bytes, { ...header, checksum });
    return bytes;
  }

  private beginBlock(term: number): void {
    this.endBlock();
    this.blockStart = this.dictionary.length;
    this.table.word(term);
    this.table.word(this.blockStart);
    this.lastTerm = term;
  }

  private endBlock(): void {
    if (this.termCount > 0) this.table.word(crc32(this.dictionary.all.subarray(this.blockStart)));
  }
}

function tooLarge(): SternaError {
  return new SternaError('limits', 'The postings have more than 4 GiB; divide the rows among more segments.');
}
