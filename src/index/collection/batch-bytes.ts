import { SternaError } from '../../errors.ts';
import { metadataFromJson, metadataToJson } from '../metadata/codec.ts';
import type { Batch, IndexedDocument, IndexedPassage } from './changes.ts';

/**
 * A batch as bytes:
 *
 * ```
 *  u32   bytes of the JSON
 *  u32   dimensions
 *  u8    JSON { operation, remove, put: [{ id, text, metadata, hash, ranges: [start, end, …], terms: [count, …] }] }, filled up to a multiple of 4
 *  f32   [rows, dimensions] vectors
 *  u32   terms of all rows, one after another
 * ```
 */
interface Described {
  readonly operation: string;
  readonly remove: readonly string[];
  readonly put: readonly {
    readonly id: string;
    readonly text: string;
    readonly metadata?: string;
    readonly hash: string;
    readonly ranges: readonly number[];
    readonly terms?: readonly number[];
  }[];
}

const HEADER_BYTES = 8;
/** How each description begins: by this a batch is found again behind damaged ones. */
export const BATCH_MARK = new TextEncoder().encode('{"operation":');
export const BATCH_MARK_AT = HEADER_BYTES;

export function batchToBytes({ operation, remove, put }: Batch, dimensions: number): Uint8Array {
  const described: Described = {
    operation,
    remove,
    put: put.map(({ id, text, metadata, hash, passages }) => ({
      id,
      text,
      metadata: metadata && metadataToJson(metadata),
      hash,
      ranges: passages.flatMap(({ start, end }) => [start, end]),
      terms: passages.some(({ terms }) => terms)
        ? passages.map(({ terms }) => terms?.length ?? 0)
        : undefined,
    })),
  };
  const json = new TextEncoder().encode(JSON.stringify(described));
  const passages = put.flatMap((document) => document.passages);
  const termCount = passages.reduce((sum, { terms }) => sum + (terms?.length ?? 0), 0);
  const start = HEADER_BYTES + align(json.length);
  const bytes = new Uint8Array(start + 4 * (passages.length * dimensions + termCount));
  const header = new DataView(bytes.buffer);
  header.setUint32(0, json.length, true);
  header.setUint32(4, dimensions, true);
  bytes.set(json, HEADER_BYTES);
  const vectors = new Float32Array(bytes.buffer, start, passages.length * dimensions);
  const terms = new Uint32Array(bytes.buffer, start + vectors.byteLength, termCount);
  let at = 0;
  for (const [row, passage] of passages.entries()) {
    vectors.set(passage.vector, row * dimensions);
    if (!passage.terms) continue;
    terms.set(passage.terms, at);
    at += passage.terms.length;
  }
  return bytes;
}

/**
 * @param expected - dimensions of vectors; absent where there can be no documents yet.
 * @throws SternaError `corrupt-file`.
 */
export function batchFromBytes(source: Uint8Array, expected: number | undefined): Batch {
  if (source.length < HEADER_BYTES) throw corrupt('it is too short');
  const bytes = source.slice(); // aligned, and no longer a part of the file
  const header = new DataView(bytes.buffer);
  const jsonBytes = header.getUint32(0, true);
  const dimensions = header.getUint32(4, true);
  const start = HEADER_BYTES + align(jsonBytes);
  if (start > bytes.length) throw corrupt('its description ends beyond it');
  const { operation, remove, put } = describedIn(bytes.subarray(HEADER_BYTES, HEADER_BYTES + jsonBytes));
  if (put.length > 0 && dimensions !== expected)
    throw corrupt(`its vectors have ${dimensions} dimensions; needed: ${expected}`);
  const rows = put.reduce((sum, { ranges }) => sum + ranges.length / 2, 0);
  const termCount = put.flatMap(({ terms = [] }) => terms).reduce((sum, count) => sum + count, 0);
  const needed = start + 4 * (rows * dimensions + termCount);
  if (needed !== bytes.length) throw corrupt(`it has ${bytes.length} bytes; needed: ${needed}`);
  const vectors = new Float32Array(bytes.buffer, start, rows * dimensions);
  const terms = new Uint32Array(bytes.buffer, start + vectors.byteLength, termCount);
  let row = 0;
  let at = 0;
  const documents = put.map(({ ranges, terms: counts, metadata, ...document }): IndexedDocument => {
    const passages = Array.from({ length: ranges.length / 2 }, (_, i): IndexedPassage => {
      const vector = vectors.subarray(row * dimensions, ++row * dimensions);
      const own = counts && terms.subarray(at, at + counts[i]);
      at += counts?.[i] ?? 0;
      return { start: ranges[2 * i], end: ranges[2 * i + 1], vector, terms: own };
    });
    return {
      ...document,
      metadata: metadata === undefined ? undefined : metadataFromJson(metadata),
      passages,
    };
  });
  return { operation, remove, put: documents };
}

function describedIn(json: Uint8Array): Described {
  let described: Partial<Described>;
  try {
    described = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)) ?? {};
  } catch (cause) {
    throw corrupt('its description is no JSON', cause);
  }
  const { operation, remove, put } = described;
  const isFine =
    typeof operation === 'string' &&
    Array.isArray(remove) &&
    remove.every((id) => typeof id === 'string') &&
    Array.isArray(put) &&
    put.every(isDescribedDocument);
  if (!isFine) throw corrupt('its description is not as it should be');
  return described as Described;
}

function isDescribedDocument(value: Partial<Described['put'][number]> | null): boolean {
  const { id, text, hash, ranges, terms, metadata } = value ?? {};
  if (typeof id !== 'string' || id === '' || typeof text !== 'string') return false;
  if (typeof hash !== 'string' || !/^[0-9a-f]{16}$/.test(hash) || !Array.isArray(ranges)) return false;
  if (metadata !== undefined && typeof metadata !== 'string') return false;
  const isRange = (_: unknown, i: number) =>
    i % 2 === 1 || (ranges[i] >= 0 && ranges[i] <= ranges[i + 1] && ranges[i + 1] <= text.length);
  if (ranges.length % 2 !== 0 || !ranges.every(Number.isInteger) || !ranges.every(isRange)) return false;
  const isCount = (count: unknown) => Number.isInteger(count) && (count as number) >= 0;
  return (
    terms === undefined ||
    (Array.isArray(terms) && 2 * terms.length === ranges.length && terms.every(isCount))
  );
}

function align(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function corrupt(words: string, cause?: unknown): SternaError {
  return new SternaError('corrupt-file', `A record of the journal cannot be used: ${words}.`, { cause });
}
