import { crc32 } from '../crc32.ts';
import { corruptIndex } from './corrupt.ts';
import type { FunnelPlan } from './funnel.ts';
import { CODE_KINDS, type CodeKind, codeBytes, codeLayout, MOST_DIMENSIONS } from './vectors/code-layout.ts';

/** What the header of an index says. */
export interface IndexHead {
  readonly dimensions: number;
  /** Vectors. */
  readonly count: number;
  readonly codes: CodeKind;
  readonly rerank?: CodeKind;
  /** How to search it, where that was measured. */
  readonly plan?: FunnelPlan;
  readonly hasSpace: boolean;
}

/** The sections of a file, in their order. */
export const SECTIONS = ['lengths', 'long', 'text', 'space', 'mean', 'codes', 'rerank'] as const;
export type SectionName = (typeof SECTIONS)[number];

/** Where a section lies in the file. */
export interface Section {
  readonly start: number;
  readonly end: number;
}

const MAGIC = 0x4e525453;
export const VERSION = 2;
const HEADER_BYTES = 128;
const SECTION_TABLE = 36;
const SECTION_BYTES = 12;
const CHECKSUM = 124;
/** Sections begin at lines of the cache, for the kernels. */
const ALIGNMENT = 64;
/** Most oversampling that a plan may ask for. */
const MOST_OVERSAMPLE = 4096;

/**
 * The bytes of an index, little-endian:
 *
 * ```
 *   0  u32  magic "STRN"
 *   4  u32  version 2
 *   8  u32  dimensions
 *  12  u32  count
 *  16  u32  kind of the codes, and of the finer codes plus 1, or 0: 0 float32, 1 int8, 2 int4, 3 binary
 *  24  u32  plan of searching: planes and oversampling, or 0, 0
 *  32  u32  whether there is a space
 *  36       [7] sections: u64 bytes, u32 CRC-32
 * 120  u32  0
 * 124  u32  CRC-32 of the header up to here
 * ```
 *
 * The sections follow in the order of {@link SECTIONS}, each at the next multiple of 64, with zeros between them: lengths of ids, lengths of
 * long ids, ids, the space's id in UTF-8, the mean that codes are relative to, codes, finer codes (as of `vectors/code-layout.ts`; ids as of `ids/id-table.ts`).
 *
 * @param sections - the pieces of each section.
 */
export function writeIndex(
  head: IndexHead,
  sections: Readonly<Record<SectionName, Iterable<Uint8Array>>>,
  sizes: Readonly<Record<SectionName, number>>,
): Uint8Array<ArrayBuffer> {
  const places = placesOf(SECTIONS.map((name) => sizes[name]));
  const bytes = new Uint8Array(places.length > 0 ? places[places.length - 1].end : HEADER_BYTES);
  const header = new DataView(bytes.buffer, 0, HEADER_BYTES);
  writeHead(header, head);
  for (const [i, name] of SECTIONS.entries()) {
    const { start, end } = places[i];
    let at = start;
    for (const piece of sections[name]) {
      bytes.set(piece, at);
      at += piece.length;
    }
    const entry = SECTION_TABLE + i * SECTION_BYTES;
    header.setUint32(entry, (end - start) >>> 0, true);
    header.setUint32(entry + 4, Math.floor((end - start) / 2 ** 32), true);
    header.setUint32(entry + 8, crc32(bytes.subarray(start, end)), true);
  }
  header.setUint32(CHECKSUM, crc32(bytes.subarray(0, CHECKSUM)), true);
  return bytes;
}

function writeHead(header: DataView, head: IndexHead): void {
  const { dimensions, count, codes, rerank, plan } = head;
  const kinds = [CODE_KINDS.indexOf(codes), rerank ? CODE_KINDS.indexOf(rerank) + 1 : 0];
  for (const [i, word] of [MAGIC, VERSION, dimensions, count, ...kinds].entries())
    header.setUint32(4 * i, word, true);
  header.setUint32(24, plan?.planes ?? 0, true);
  header.setUint32(28, plan?.oversample ?? 0, true);
  header.setUint32(32, head.hasSpace ? 1 : 0, true);
}

/** The version of an index's bytes. @throws SternaError `corrupt-file` for one of later formats, or for anything else. */
export function versionOf(bytes: Uint8Array): number {
  if (bytes.length < 24) throw corruptIndex(`it has ${bytes.length} bytes; needed: at least 24`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, 8);
  if (header.getUint32(0, true) !== MAGIC) throw corruptIndex('it does not begin as a vector index does');
  const version = header.getUint32(4, true);
  if (version < 1 || version > VERSION) {
    throw corruptIndex(
      `it has version ${version} of the format and this library reads ${VERSION}; update the library`,
    );
  }
  return version;
}

/**
 * Reads the header, and checks every byte by its checksums.
 *
 * @throws SternaError `corrupt-file`.
 */
export function readIndex(bytes: Uint8Array): {
  head: IndexHead;
  sections: Readonly<Record<SectionName, Section>>;
} {
  if (bytes.length < HEADER_BYTES)
    throw corruptIndex(`it has ${bytes.length} bytes; needed: at least ${HEADER_BYTES}`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (header.getUint32(CHECKSUM, true) !== crc32(bytes.subarray(0, CHECKSUM)))
    throw corruptIndex('the checksum of its header does not match');
  const head = readHead(header);
  const entries = SECTIONS.map((_, i) => {
    const at = SECTION_TABLE + i * SECTION_BYTES;
    return {
      size: header.getUint32(at, true) + header.getUint32(at + 4, true) * 2 ** 32,
      sum: header.getUint32(at + 8, true),
    };
  });
  checkSizes(
    head,
    entries.map(({ size }) => size),
  );
  const places = placesOf(entries.map(({ size }) => size));
  const { end } = places[places.length - 1];
  if (bytes.length !== end) throw corruptIndex(`it has ${bytes.length} bytes; needed: ${end}`);
  for (const [i, { start, end }] of places.entries()) {
    const before = i === 0 ? HEADER_BYTES : places[i - 1].end;
    if (bytes.subarray(before, start).some((byte) => byte !== 0))
      throw corruptIndex(`there is something ahead of its ${SECTIONS[i]}`);
    if (crc32(bytes.subarray(start, end)) !== entries[i].sum)
      throw corruptIndex(`the checksum of its ${SECTIONS[i]} does not match`);
  }
  const sections = Object.fromEntries(SECTIONS.map((name, i) => [name, places[i]]));
  return { head, sections: sections as Record<SectionName, Section> };
}

function readHead(header: DataView): IndexHead {
  const words = Array.from({ length: 9 }, (_, i) => header.getUint32(4 * i, true));
  const [, , dimensions, count, codes, rerank, planes, oversample, hasSpace] = words;
  if (dimensions < 1 || dimensions > MOST_DIMENSIONS)
    throw corruptIndex(`its vectors have ${dimensions} dimensions`);
  if (codes >= CODE_KINDS.length || rerank > CODE_KINDS.length)
    throw corruptIndex(`its codes are of kinds ${codes} and ${rerank - 1}`);
  if (hasSpace > 1 || header.getUint32(120, true) !== 0)
    throw corruptIndex('its header has words that mean nothing');
  const kind = CODE_KINDS[codes];
  const layout = codeLayout(kind, dimensions);
  const isPlan = planes >= 1 && planes <= layout.planes && oversample >= 1 && oversample <= MOST_OVERSAMPLE;
  if (!isPlan && (planes !== 0 || oversample !== 0))
    throw corruptIndex(`its plan is to scan ${planes} of ${layout.planes} planes for ${oversample} times k`);
  return {
    dimensions,
    count,
    codes: kind,
    rerank: rerank > 0 ? CODE_KINDS[rerank - 1] : undefined,
    plan: isPlan ? { planes, oversample } : undefined,
    hasSpace: hasSpace === 1,
  };
}

function checkSizes(head: IndexHead, sizes: readonly number[]): void {
  const { dimensions, count, codes, rerank, hasSpace } = head;
  const [lengths, long, , space, mean, ofCodes, ofRerank] = sizes;
  const needed = codeBytes(codeLayout(codes, dimensions), count);
  const neededRerank = rerank ? codeBytes(codeLayout(rerank, dimensions), count) : 0;
  if (ofCodes !== needed) throw corruptIndex(`its codes have ${ofCodes} bytes; needed: ${needed}`);
  if (ofRerank !== neededRerank)
    throw corruptIndex(`its finer codes have ${ofRerank} bytes; needed: ${neededRerank}`);
  if (lengths !== count) throw corruptIndex(`it has lengths of ${lengths} ids; needed: ${count}`);
  if (long % 8 !== 0) throw corruptIndex(`its lengths of long ids have ${long} bytes`);
  const hasMean = count > 0 && [codes, rerank].some((kind) => kind && kind !== 'float32');
  const neededMean = hasMean ? 4 * dimensions : 0;
  if (mean !== neededMean) throw corruptIndex(`its mean has ${mean} bytes; needed: ${neededMean}`);
  if (!hasSpace && space !== 0) throw corruptIndex('it has a space where its header says none');
}

function placesOf(sizes: readonly number[]): Section[] {
  let at = HEADER_BYTES;
  return sizes.map((size) => {
    const start = ALIGNMENT * Math.ceil(at / ALIGNMENT);
    // An empty section takes no place, not even by alignment.
    if (size === 0) return { start: at, end: at };
    at = start + size;
    return { start, end: at };
  });
}
