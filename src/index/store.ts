import { crc32 } from '../crc32.ts';
import { SternaError } from '../errors.ts';

/**
 * The bytes of an index, little-endian:
 *
 * ```
 *  0  u32  magic "STRN"
 *  4  u32  version
 *  8  u32  dimensions
 * 12  u32  count
 * 16  u32  bytes of the tail
 * 20  u32  CRC-32 of everything else
 * 24  f32  [count, dimensions] vectors of unit length
 *     u8   the tail: UTF-8 JSON { "space": …, "ids": [count] }
 * ```
 */
const MAGIC = 0x4e525453;
const VERSION = 1;
const HEADER_BYTES = 24;

/** Longest vector that an index takes. */
export const MOST_DIMENSIONS = 65536;

/** What an index holds, apart from its vectors. */
export interface Tail {
  readonly space?: string;
  readonly ids: readonly string[];
}

/** Vectors of one length, one after another in one ArrayBuffer, which doubles when it is full. */
export class VectorStore {
  count = 0;
  private vectors: Float32Array;

  constructor(
    readonly dimensions: number,
    capacity = 16,
  ) {
    this.vectors = allocate(capacity, dimensions);
  }

  /** `[count, dimensions]`, a view that the next `push` may leave behind. */
  get all(): Float32Array {
    return this.vectors.subarray(0, this.count * this.dimensions);
  }

  /** A view of vector `at`. */
  row(at: number): Float32Array {
    return this.vectors.subarray(at * this.dimensions, (at + 1) * this.dimensions);
  }

  push(vector: Float32Array): void {
    const { dimensions } = this;
    if ((this.count + 1) * dimensions > this.vectors.length) {
      const larger = allocate(2 * Math.max(this.count, 8), dimensions);
      larger.set(this.all);
      this.vectors = larger;
    }
    this.vectors.set(vector, this.count++ * dimensions);
  }

  /** Takes vector `at` away; the last one moves to its place. */
  remove(at: number): void {
    this.count--;
    if (at < this.count) this.row(at).set(this.row(this.count));
  }

  toBytes(tail: Tail): Uint8Array<ArrayBuffer> {
    const text = new TextEncoder().encode(JSON.stringify(tail));
    const vectors = this.all;
    const bytes = new Uint8Array(HEADER_BYTES + vectors.byteLength + text.length);
    const header = new DataView(bytes.buffer);
    for (const [i, word] of [MAGIC, VERSION, this.dimensions, this.count, text.length].entries()) {
      header.setUint32(4 * i, word, true);
    }
    bytes.set(new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength), HEADER_BYTES);
    bytes.set(text, HEADER_BYTES + vectors.byteLength);
    header.setUint32(20, checksum(bytes), true);
    return bytes;
  }

  /** @throws SternaError `corrupt-file`. */
  static from(bytes: Uint8Array): { store: VectorStore; tail: Tail } {
    if (bytes.length < HEADER_BYTES)
      throw corrupt(`it has ${bytes.length} bytes; needed: at least ${HEADER_BYTES}`);
    const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
    const [magic, version, dimensions, count, tailBytes] = Array.from({ length: 5 }, (_, i) =>
      header.getUint32(4 * i, true),
    );
    if (magic !== MAGIC) throw corrupt('it does not begin as a vector index does');
    if (version !== VERSION) {
      throw corrupt(
        `it has version ${version} of the format and this library reads ${VERSION}; update the library`,
      );
    }
    if (dimensions < 1 || dimensions > MOST_DIMENSIONS)
      throw corrupt(`its vectors have ${dimensions} dimensions`);
    const vectorBytes = 4 * count * dimensions;
    const needed = HEADER_BYTES + vectorBytes + tailBytes;
    if (bytes.length !== needed) throw corrupt(`it has ${bytes.length} bytes; needed: ${needed}`);
    if (header.getUint32(20, true) !== checksum(bytes)) throw corrupt('its checksum does not match');

    const store = new VectorStore(dimensions, Math.max(count, 16));
    store.count = count;
    const target = store.all;
    new Uint8Array(target.buffer, 0, vectorBytes).set(
      bytes.subarray(HEADER_BYTES, HEADER_BYTES + vectorBytes),
    );
    return { store, tail: readTail(bytes.subarray(HEADER_BYTES + vectorBytes), count) };
  }
}

function allocate(count: number, dimensions: number): Float32Array {
  try {
    return new Float32Array(count * dimensions);
  } catch (error) {
    throw new SternaError(
      'limits',
      `${count} vectors of ${dimensions} dimensions need ${4 * count * dimensions} bytes in one piece, and there is no such piece. ` +
        'Use fewer dimensions.',
      { cause: error },
    );
  }
}

function readTail(bytes: Uint8Array, count: number): Tail {
  let tail: Partial<Tail> | null;
  try {
    tail = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw corrupt('its ids are not JSON');
  }
  const { ids, space } = tail ?? {};
  const unique =
    Array.isArray(ids) &&
    ids.every((id) => typeof id === 'string' && id !== '') &&
    new Set(ids).size === count;
  if (!unique || ids.length !== count) throw corrupt(`its ids are not ${count} different strings`);
  if (space !== undefined && typeof space !== 'string') throw corrupt('its space is no string');
  return { ids, space };
}

/** Of everything but the checksum itself. */
function checksum(bytes: Uint8Array): number {
  return (crc32(bytes.subarray(0, 20)) ^ Math.imul(crc32(bytes.subarray(HEADER_BYTES)), 0x9e3779b1)) >>> 0;
}

function corrupt(words: string): SternaError {
  return new SternaError('corrupt-file', `The bytes are no usable vector index: ${words}.`);
}
