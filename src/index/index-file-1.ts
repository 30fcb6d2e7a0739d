import { crc32 } from '../crc32.ts';
import { corruptIndex } from './corrupt.ts';
import { checkUnitFloats } from './unit-floats.ts';
import { MOST_DIMENSIONS } from './vectors/code-layout.ts';

/** What a file of version 1 holds. */
export interface IndexOfVersion1 {
  readonly dimensions: number;
  readonly space?: string;
  readonly ids: readonly string[];
  /** `[ids, dimensions]` of unit length. */
  readonly vectors: Float32Array;
}

const HEADER_BYTES = 24;

/**
 * Reads the bytes of an index of version 1, which are no longer written, little-endian:
 *
 * ```
 *  0  u32  magic "STRN"
 *  4  u32  version 1
 *  8  u32  dimensions
 * 12  u32  count
 * 16  u32  bytes of the tail
 * 20  u32  CRC-32 of everything else
 * 24  f32  [count, dimensions] vectors of unit length
 *     u8   the tail: UTF-8 JSON { "space": …, "ids": [count] }
 * ```
 *
 * @throws SternaError `corrupt-file`.
 */
export function readVersion1(bytes: Uint8Array): IndexOfVersion1 {
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [dimensions, count, tailBytes, sum] = [8, 12, 16, 20].map((at) => header.getUint32(at, true));
  if (dimensions < 1 || dimensions > MOST_DIMENSIONS)
    throw corruptIndex(`its vectors have ${dimensions} dimensions`);
  const vectorBytes = 4 * count * dimensions;
  const needed = HEADER_BYTES + vectorBytes + tailBytes;
  if (bytes.length !== needed) throw corruptIndex(`it has ${bytes.length} bytes; needed: ${needed}`);
  if (sum !== checksum(bytes)) throw corruptIndex('its checksum does not match');
  const vectors = new Float32Array(bytes.slice(HEADER_BYTES, HEADER_BYTES + vectorBytes).buffer);
  checkUnitFloats(vectors);
  return { dimensions, vectors, ...readTail(bytes.slice(HEADER_BYTES + vectorBytes), count) };
}

function readTail(bytes: Uint8Array, count: number): { ids: readonly string[]; space?: string } {
  let tail: { ids?: unknown; space?: unknown } | null;
  try {
    tail = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw corruptIndex('its ids are not JSON');
  }
  const { ids, space } = tail ?? {};
  const areIds =
    Array.isArray(ids) &&
    ids.length === count &&
    ids.every((id) => typeof id === 'string' && id !== '' && !/\p{Surrogate}/u.test(id));
  if (!areIds || new Set(ids).size !== count)
    throw corruptIndex(`its ids are not ${count} different strings`);
  if (space !== undefined && typeof space !== 'string') throw corruptIndex('its space is no string');
  return { ids, space };
}

/** Of everything but the checksum itself. */
function checksum(bytes: Uint8Array): number {
  return (crc32(bytes.subarray(0, 20)) ^ Math.imul(crc32(bytes.subarray(HEADER_BYTES)), 0x9e3779b1)) >>> 0;
}
