import { crc32 } from '../../crc32.ts';
import { SternaError } from '../../errors.ts';
import type { IndexFile } from '../files/folder.ts';

/**
 * A file of named sections, written once from the beginning to the end:
 *
 * ```
 *  u8    sections one after another, each at a multiple of 8 bytes
 *  u32   CRC-32 of each 64 KiB of the sections
 *  u8    the directory: JSON { info, sections: { name: [start, end] } }
 *  u32   bytes of the directory
 *  u32   CRC-32 of the directory and the checksums
 *  u32   version
 *  u32   magic "STSG"
 * ```
 *
 * What is read of it is checked first, page by page, each page once: so opening reads little, and nothing that is damaged is ever used.
 */
const MAGIC = 0x47535453;
const VERSION = 1;
const PAGE = 2 ** 16;
const FOOTER_BYTES = 16;
const ALIGNMENT = 8;

interface Directory<Info> {
  readonly info: Info;
  readonly sections: Readonly<Record<string, readonly [start: number, end: number]>>;
}

/** Writes a file of sections. */
export class SectionFileWriter {
  private size = 0;
  private readonly sections: Record<string, [number, number]> = {};
  private readonly checksums: number[] = [];
  /** What is not a whole page yet. */
  private readonly page = new Uint8Array(PAGE);
  private inPage = 0;

  /** @param file - empty. */
  constructor(private readonly file: IndexFile) {}

  /** Begins a section; what is written until the next one is in it. */
  begin(name: string): void {
    this.end();
    this.write(new Uint8Array((ALIGNMENT - (this.size % ALIGNMENT)) % ALIGNMENT));
    this.sections[name] = [this.size, this.size];
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + PAGE - this.inPage);
      this.page.set(piece, this.inPage);
      this.inPage += piece.length;
      this.size += piece.length;
      at += piece.length;
      if (this.inPage === PAGE) this.flushPage();
    }
  }

  /** Writes a section as a whole. */
  section(name: string, bytes: ArrayBufferView): void {
    this.begin(name);
    this.write(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  /** Bytes of the section so far. */
  get sectionBytes(): number {
    const last = Object.values(this.sections).at(-1);
    return this.size - (last?.[0] ?? 0);
  }

  /** Ends the file, which is durable then. @returns its size. */
  async finish(info: unknown): Promise<number> {
    this.end();
    this.write(new Uint8Array((ALIGNMENT - (this.size % ALIGNMENT)) % ALIGNMENT));
    const end = this.size;
    if (this.inPage > 0) this.flushPage();
    const sums = new Uint8Array(Uint32Array.from(this.checksums).buffer);
    const directory: Directory<unknown> = { info, sections: this.sections };
    const json = new TextEncoder().encode(JSON.stringify(directory));
    const tail = new Uint8Array(sums.length + json.length + FOOTER_BYTES);
    tail.set(sums);
    tail.set(json, sums.length);
    const footer = new DataView(tail.buffer, sums.length + json.length);
    const words = [json.length, crc32(tail.subarray(0, sums.length + json.length)), VERSION, MAGIC];
    for (const [i, word] of words.entries()) footer.setUint32(4 * i, word, true);
    this.file.write(end, tail);
    await this.file.flush();
    return end + tail.length;
  }

  private end(): void {
    const last = Object.values(this.sections).at(-1);
    if (last) last[1] = this.size;
  }

  private flushPage(): void {
    const bytes = this.page.subarray(0, this.inPage);
    this.file.write(this.size - this.inPage, bytes);
    this.checksums.push(crc32(bytes));
    this.inPage = 0;
  }
}

/** A section that is read as it is needed. */
export interface Section {
  readonly size: number;
  /** The bytes from `start` to `end`, as memory of their own. @throws SternaError `corrupt-file`. */
  read(start: number, end: number): Uint8Array<ArrayBuffer>;
  /** Reads all of it into `into`. */
  fill(into: Uint8Array): void;
}

/** Reads a file of sections. */
export class SectionFile<Info> {
  private readonly isChecked: Uint8Array;

  private constructor(
    private readonly file: IndexFile,
    private readonly name: string,
    private readonly directory: Directory<Info>,
    private readonly checksums: Uint32Array,
    /** Where the sections end. */
    private readonly end: number,
  ) {
    this.isChecked = new Uint8Array(checksums.length);
  }

  /** @throws SternaError `corrupt-file` for a file that is damaged, or of a later version. */
  static open<Info>(file: IndexFile, name: string): SectionFile<Info> {
    const { size } = file;
    if (size < FOOTER_BYTES) throw corrupt(name, `it has ${size} bytes`);
    const footer = new Uint8Array(FOOTER_BYTES);
    file.read(size - FOOTER_BYTES, footer);
    const [jsonBytes, checksum, version, magic] = new Uint32Array(footer.buffer);
    if (magic !== MAGIC) throw corrupt(name, 'it does not end as a segment does');
    if (version > VERSION) {
      throw corrupt(
        name,
        `it is of version ${version} of the format and this library reads ${VERSION}; update the library`,
      );
    }
    // Each page has four bytes of checksums, and the directory follows them: so the end of the sections is where both add up.
    const rest = size - FOOTER_BYTES - jsonBytes;
    const pages = Math.ceil(rest / (PAGE + 4));
    const end = rest - 4 * pages;
    if (rest < 0 || end < 0 || Math.ceil(end / PAGE) !== pages)
      throw corrupt(name, 'its sizes do not add up');
    const tail = new Uint8Array(size - FOOTER_BYTES - end);
    file.read(end, tail);
    if (crc32(tail) !== checksum) throw corrupt(name, 'the checksum of its directory does not match');
    const directory = parse<Info>(tail.subarray(4 * pages), name);
    const isInside = ([start, stop]: readonly [number, number]) => 0 <= start && start <= stop && stop <= end;
    if (!Object.values(directory.sections).every(isInside)) throw corrupt(name, 'a section is not inside it');
    return new SectionFile(file, name, directory, new Uint32Array(tail.buffer, 0, pages), end);
  }

  get info(): Info {
    return this.directory.info;
  }

  get size(): number {
    return this.file.size;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.directory.sections, name);
  }

  /** @throws SternaError `corrupt-file` where there is no such section. */
  section(name: string): Section {
    if (!this.has(name)) throw corrupt(this.name, `its section "${name}" is missing`);
    const [first, last] = this.directory.sections[name];
    const size = last - first;
    return {
      size,
      read: (start, end) => {
        if (!(0 <= start && start <= end && end <= size))
          throw corrupt(this.name, `bytes ${start} to ${end} of "${name}" are not in it`);
        const bytes = new Uint8Array(end - start);
        this.read(first + start, bytes);
        return bytes;
      },
      fill: (into) => this.read(first, into.subarray(0, size)),
    };
  }

  /** Reads a section as a whole. */
  bytes(name: string): Uint8Array<ArrayBuffer> {
    const section = this.section(name);
    return section.read(0, section.size);
  }

  /** As {@link bytes}, as whole numbers. */
  words(name: string): Uint32Array<ArrayBuffer> {
    const bytes = this.bytes(name);
    if (bytes.length % 4 !== 0) throw corrupt(this.name, `"${name}" has ${bytes.length} bytes`);
    return new Uint32Array(bytes.buffer);
  }

  /** Bytes of the file as they are: whoever gets a copy checks them there. */
  rawBytes(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(end - start);
    this.file.read(start, bytes);
    return bytes;
  }

  close(): void {
    this.file.close();
  }

  private read(start: number, into: Uint8Array): void {
    for (let page = Math.floor(start / PAGE); page * PAGE < start + into.length; page++) this.check(page);
    this.file.read(start, into);
  }

  private check(page: number): void {
    if (this.isChecked[page]) return;
    const bytes = new Uint8Array(Math.min(PAGE, this.end - page * PAGE));
    this.file.read(page * PAGE, bytes);
    if (crc32(bytes) !== this.checksums[page])
      throw corrupt(this.name, `its bytes from ${page * PAGE} on are damaged`);
    this.isChecked[page] = 1;
  }
}

function parse<Info>(json: Uint8Array, name: string): Directory<Info> {
  let directory: Partial<Directory<Info>> | null;
  try {
    directory = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw corrupt(name, 'its directory is no JSON', cause);
  }
  const { info, sections } = directory ?? {};
  const isPair = (pair: unknown) =>
    Array.isArray(pair) && pair.length === 2 && pair.every(Number.isSafeInteger);
  if (typeof info !== 'object' || info === null || typeof sections !== 'object' || sections === null)
    throw corrupt(name, 'its directory has no sections');
  if (!Object.values(sections).every(isPair)) throw corrupt(name, 'its directory is not as it should be');
  return directory as Directory<Info>;
}

/** The error for a segment that cannot be used. */
export function corrupt(name: string, words: string, cause?: unknown): SternaError {
  return new SternaError(
    'corrupt-file',
    `${name} is no usable segment of an index: ${words}. Restore the index from an export, or index anew.`,
    { cause },
  );
}
