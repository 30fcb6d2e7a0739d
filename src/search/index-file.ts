import { crc32 } from '../crc32.ts';
import { SternaError } from '../errors.ts';
import type { HeldFiles, Perform } from './work.ts';

/**
 * An index as one file: `u32` magic "STIX", version, bytes of the JSON, CRC-32 of the JSON; JSON { manifest, files: [{ name, bytes }] }; the files one
 * after another. Files carry checksums of their own.
 */
const MAGIC = 0x58495453;
const VERSION = 1;
const HEADER_BYTES = 16;
/** Longest JSON that is read: a million segments would be shorter. */
const MOST_JSON = 2 ** 27;
/** Bytes that are read and written at a time. */
const PIECE = 2 ** 22;

/** The files of an index, piece by piece. */
export function exportFiles(perform: Perform): ReadableStream<Uint8Array> {
  const pieces = piecesOf(perform);
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

async function* piecesOf(perform: Perform): AsyncGenerator<Uint8Array, void> {
  const held = await perform({ kind: 'hold' });
  try {
    yield headerOf(held);
    for (const { name, bytes } of held.files) {
      for (let start = 0; start < bytes; start += PIECE)
        yield await perform({ kind: 'read', file: name, start, end: Math.min(bytes, start + PIECE) });
    }
  } finally {
    await perform({ kind: 'release' });
  }
}

function headerOf(held: HeldFiles): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(held));
  const bytes = new Uint8Array(HEADER_BYTES + json.length);
  const header = new DataView(bytes.buffer);
  for (const [i, word] of [MAGIC, VERSION, json.length, crc32(json)].entries())
    header.setUint32(4 * i, word, true);
  bytes.set(json, HEADER_BYTES);
  return bytes;
}

/**
 * Brings an exported index in, in the place of what is there. Until all of it is there and was opened, nothing changes.
 *
 * @throws SternaError `corrupt-file`, `storage-full`, `storage`.
 */
export async function importFiles(
  file: ReadableStream<Uint8Array> | Blob | Uint8Array<ArrayBuffer>,
  perform: Perform,
): Promise<void> {
  const stream = file instanceof ReadableStream ? file : new Blob([file]).stream();
  const reader = new PieceReader(stream.getReader());
  try {
    const [magic, version, jsonBytes, checksum] = new Uint32Array((await reader.take(HEADER_BYTES)).buffer);
    if (magic !== MAGIC) throw corrupt('it does not begin as one');
    if (version > VERSION)
      throw corrupt(
        `it is of version ${version} of the format and this library reads ${VERSION}; update the library`,
      );
    if (jsonBytes > MOST_JSON) throw corrupt(`its description has ${jsonBytes} bytes`);
    const json = await reader.take(jsonBytes);
    if (crc32(json) !== checksum) throw corrupt('the checksum of its description does not match');
    await takeIn(parse(json), reader, perform);
  } finally {
    await reader.end();
  }
}

async function takeIn({ manifest, files }: HeldFiles, reader: PieceReader, perform: Perform): Promise<void> {
  const operation = crypto.randomUUID();
  try {
    await perform({ kind: 'begin-import', operation });
    for (const { name, bytes } of files) {
      for (let at = 0; at < bytes; ) {
        const piece = await reader.take(Math.min(PIECE, bytes - at));
        await perform({ kind: 'write', operation, file: name, at, bytes: piece });
        at += piece.length;
      }
    }
    await perform({ kind: 'adopt', operation, manifest });
  } catch (error) {
    await perform({ kind: 'cancel-import', operation }).catch(() => {});
    throw error;
  }
}

/** Takes so many bytes of a stream as are asked for. */
class PieceReader {
  private rest: Uint8Array = new Uint8Array(0);

  constructor(private readonly reader: ReadableStreamDefaultReader<Uint8Array>) {}

  /** @throws SternaError `corrupt-file` where the stream ends before. */
  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count; ) {
      if (this.rest.length === 0) {
        const { value, done: isOver } = await this.reader.read();
        if (isOver) throw corrupt('it ends too early');
        this.rest = value;
        continue;
      }
      const piece = this.rest.subarray(0, count - done);
      bytes.set(piece, done);
      this.rest = this.rest.subarray(piece.length);
      done += piece.length;
    }
    return bytes;
  }

  async end(): Promise<void> {
    await this.reader.cancel().catch(() => {});
  }
}

function parse(json: Uint8Array): HeldFiles {
  let held: Partial<HeldFiles> | null;
  try {
    held = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw corrupt('its description is no JSON', cause);
  }
  const { manifest, files } = held ?? {};
  const isFile = (value: Partial<HeldFiles['files'][number]> | null) =>
    typeof value?.name === 'string' && Number.isSafeInteger(value.bytes) && value.bytes! >= 0;
  if (typeof manifest !== 'string' || !Array.isArray(files) || !files.every(isFile))
    throw corrupt('its description is not as it should be');
  return held as HeldFiles;
}

function corrupt(words: string, cause?: unknown): SternaError {
  return new SternaError('corrupt-file', `The file is no usable export of an index: ${words}.`, { cause });
}
