import { crc32 } from '../crc32.ts';
import { SternaError } from '../errors.ts';
import { ByteReader, ByteWriter } from './byte-list.ts';
import { fromPlanes, toPlanes } from './byte-planes.ts';
import { deflate, inflate } from './deflate.ts';
import { MOST_UNITS, readPieces, writePieces } from './packed-pieces.ts';
import { readScores, writeScores } from './packed-scores.ts';
import type { Vocabulary } from './vocabulary.ts';

/**
 * The bytes of a tokenizer, little-endian:
 *
 * ```
 *  0  u32  magic "STOK"
 *  4  u32  version
 *  8  u32  bytes of the body, inflated
 * 12  u32  CRC-32 of everything else
 * 16  u8   the body, deflated:
 *            u32  pieces, character maps, bytes of the JSON
 *            the pieces (packed-pieces.ts), their scores (packed-scores.ts)
 *            each character map: u32 bytes, then its trie in planes and its replacements
 *            UTF-8 JSON: the tokenizer.json, with numbers of character maps in their places
 * ```
 */
const MAGIC = 0x4b4f5453;
const VERSION = 1;
const HEADER_BYTES = 16;

/** What an artifact's body may have at most; XLM-R's has 3.1 MB. */
const MOST_BYTES = 2 ** 27;
const MOST_PIECES = 2 ** 24;

/** A tokenizer in parts. */
export interface ArtifactParts {
  /** The tokenizer.json without its pieces; in the place of a character map's base64 stands its place in `charsmaps`. */
  readonly json: unknown;
  readonly charsmaps: readonly Uint8Array[];
  readonly vocabulary: Vocabulary;
}

/** @throws SternaError `unsupported-model` where it is larger than an artifact may be. */
export async function writeArtifact(parts: ArtifactParts, file: string): Promise<Uint8Array<ArrayBuffer>> {
  const { vocabulary } = parts;
  if (vocabulary.size > MOST_PIECES || vocabulary.starts[vocabulary.size] > MOST_UNITS)
    throw tooLarge(file, `${vocabulary.size} pieces of ${vocabulary.starts[vocabulary.size]} UTF-16 units`);
  const body = writeBody(parts);
  if (body.length > MOST_BYTES) throw tooLarge(file, `${body.length} bytes`);

  const packed = await deflate(body);
  const bytes = new Uint8Array(HEADER_BYTES + packed.length);
  const header = new DataView(bytes.buffer);
  for (const [i, word] of [MAGIC, VERSION, body.length].entries()) header.setUint32(4 * i, word, true);
  bytes.set(packed, HEADER_BYTES);
  header.setUint32(12, checksum(bytes), true);
  return bytes;
}

/**
 * Reads what {@link writeArtifact} wrote, in time and memory bounded by what the bytes can be.
 *
 * @throws SternaError `corrupt-file` where any byte is another, or the version is a later one.
 */
export async function readArtifact(source: Uint8Array, file: string): Promise<ArtifactParts> {
  const corrupt = (words: string, cause?: unknown) =>
    new SternaError('corrupt-file', `${file} is no usable tokenizer: ${words}.`, { cause });
  // Streams take no memory that is shared between threads.
  const bytes = source.buffer instanceof ArrayBuffer ? (source as Uint8Array<ArrayBuffer>) : source.slice();
  if (bytes.length < HEADER_BYTES)
    throw corrupt(`it has ${bytes.length} bytes; needed: at least ${HEADER_BYTES}`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [magic, version, size, crc] = [0, 4, 8, 12].map((at) => header.getUint32(at, true));
  if (magic !== MAGIC) throw corrupt('it does not begin as a packed tokenizer does');
  if (version > VERSION)
    throw corrupt(`it has version ${version} of the format and this Sterna reads ${VERSION}; update Sterna`);
  if (version < VERSION) throw corrupt(`it has version ${version} of the format; needed: ${VERSION}`);
  if (crc !== checksum(bytes)) throw corrupt('its checksum does not match; download or convert it again');
  if (size > MOST_BYTES) throw corrupt(`it says that it unpacks to ${size} bytes; at most: ${MOST_BYTES}`);
  const body = await inflate(bytes.subarray(HEADER_BYTES), size);
  if (!body) throw corrupt(`it does not unpack to the ${size} bytes that it says`);
  try {
    return readBody(body);
  } catch (error) {
    // RangeErrors of the readers, and what JSON and UTF-8 say.
    throw corrupt((error as Error).message, error);
  }
}

function writeBody({ json, charsmaps, vocabulary }: ArtifactParts): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(json));
  const writer = new ByteWriter();
  for (const word of [vocabulary.size, charsmaps.length, text.length]) writer.word(word);
  writePieces(writer, vocabulary);
  writeScores(writer, vocabulary.scores.subarray(0, vocabulary.size));
  for (const charsmap of charsmaps) {
    const trie = trieBytes(charsmap);
    writer.word(charsmap.length);
    writer.all(charsmap.subarray(0, 4));
    writer.all(toPlanes(charsmap.subarray(4, 4 + trie), 4));
    writer.all(charsmap.subarray(4 + trie));
  }
  writer.all(text);
  return writer.finish();
}

function readBody(body: Uint8Array<ArrayBuffer>): ArtifactParts {
  const reader = new ByteReader(body);
  const [size, maps, textBytes] = [reader.word(), reader.word(), reader.word()];
  if (size > MOST_PIECES) throw new RangeError(`it has ${size} pieces; at most: ${MOST_PIECES}`);
  const vocabulary = readPieces(reader, size);
  vocabulary.scores.set(readScores(reader, size));
  const charsmaps: Uint8Array[] = [];
  while (charsmaps.length < maps) {
    const charsmap = reader.all(reader.word()).slice();
    const trie = trieBytes(charsmap);
    charsmap.set(fromPlanes(charsmap.subarray(4, 4 + trie), 4), 4);
    charsmaps.push(charsmap);
  }
  const text = reader.all(textBytes);
  if (reader.left > 0) throw new RangeError(`${reader.left} bytes are left over`);
  const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  return { json, charsmaps, vocabulary };
}

/** Bytes of the trie of a character map, which says so itself; none where that cannot be. */
function trieBytes(charsmap: Uint8Array): number {
  if (charsmap.length < 4) return 0;
  const bytes = new DataView(charsmap.buffer, charsmap.byteOffset, 4).getUint32(0, true);
  return bytes % 4 === 0 && 4 + bytes <= charsmap.length ? bytes : 0;
}

function tooLarge(file: string, found: string): SternaError {
  return new SternaError(
    'unsupported-model',
    `${file} has ${found}; needed: at most ${MOST_PIECES} pieces, ${MOST_UNITS} units and ${MOST_BYTES} bytes.`,
  );
}

/** Of everything but the checksum itself. */
function checksum(bytes: Uint8Array): number {
  const head = crc32(bytes.subarray(0, 12));
  return (head ^ Math.imul(crc32(bytes.subarray(HEADER_BYTES)), 0x9e3779b1)) >>> 0;
}
