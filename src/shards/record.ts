import { crc32 } from '../crc32.ts';
import type { ExchangeRow } from '../exchange/exchange.ts';
import { metadataFromJson, metadataToJson } from '../index/metadata/codec.ts';
import type { Metadata } from '../index/metadata/types.ts';
import { corruptShards } from './corrupt.ts';

/**
 * What is fetched of a passage that may be a hit, little-endian:
 *
 * ```
 *  u32   CRC-32 of what follows
 *  f32   scale, which makes the length 1
 *  i8    [dimensions] the vector's numbers, divided by the scale and rounded
 *  u8    JSON [id, passage, start, end, text, metadata as JSON or null]
 * ```
 */
const HEADER_BYTES = 8;
const MOST_CODE = 127;

/** Most bytes of a record that is read. */
export const MOST_RECORD_BYTES = 64 * 2 ** 20;

/** A passage as it is published. */
export interface PassageRecord {
  readonly id: string;
  readonly passage: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly metadata: Metadata | undefined;
}

/** Bytes of a record that has no text at all. */
export function leastRecordBytes(dimensions: number): number {
  return HEADER_BYTES + dimensions + 2;
}

/** The JSON of a record. @throws SternaError `invalid-input` for metadata that JSON does not hold. */
export function writePassage({ id, passage, start, end, text, metadata }: ExchangeRow): Uint8Array {
  const json = metadata === undefined ? null : metadataToJson(metadata);
  return new TextEncoder().encode(JSON.stringify([id, passage, start, end, text, json]));
}

/** @param passage - as {@link writePassage} gave it. */
export function writeRecord(vector: Float32Array, passage: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + vector.length + passage.length);
  const view = new DataView(bytes.buffer);
  let most = 0;
  for (let i = 0; i < vector.length; i++) most = Math.max(most, Math.abs(vector[i]));
  let squares = 0;
  for (let i = 0; i < vector.length; i++) {
    const code = Math.round((vector[i] * MOST_CODE) / most);
    squares += code * code;
    view.setInt8(HEADER_BYTES + i, code);
  }
  view.setFloat32(4, 1 / Math.sqrt(squares), true);
  bytes.set(passage, HEADER_BYTES + vector.length);
  view.setUint32(0, crc32(bytes.subarray(4)), true);
  return bytes;
}

/**
 * The passage, and the cosine of its vector and a query.
 *
 * @throws SternaError `corrupt-file`.
 */
export function readRecord(
  name: string,
  bytes: Uint8Array,
  query: Float32Array,
): PassageRecord & { score: number } {
  const start = HEADER_BYTES + query.length;
  if (bytes.length < start) throw corruptShards(name, 'a record is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (crc32(bytes.subarray(4)) !== view.getUint32(0, true))
    throw corruptShards(name, 'the checksum of a record does not match');
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += query[i] * view.getInt8(HEADER_BYTES + i);
  const score = sum * view.getFloat32(4, true);
  if (!Number.isFinite(score)) throw corruptShards(name, 'a vector is not finite');
  return { ...readPassage(name, bytes.subarray(start)), score };
}

function readPassage(name: string, bytes: Uint8Array): PassageRecord {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw corruptShards(name, 'a record is no JSON', cause);
  }
  const [id, passage, start, end, text, metadata] = Array.isArray(value) ? value : [];
  const isRight =
    typeof id === 'string' &&
    [passage, start, end].every(Number.isSafeInteger) &&
    typeof text === 'string' &&
    (metadata === null || typeof metadata === 'string');
  if (!isRight) throw corruptShards(name, 'a record is not as it should be');
  return {
    id,
    passage,
    start,
    end,
    text,
    metadata: metadata === null ? undefined : metadataFromJson(metadata),
  };
}
