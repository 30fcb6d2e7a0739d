import { SternaError } from '../../errors.ts';
import { bitmapWords, makeBitmap, setBit } from '../bitmap.ts';
import { align, COLUMN_COUNTS, joinColumns, MOST_DOCUMENTS } from './columns-layout.ts';
import { type HeadField, MetadataHead } from './head.ts';
import type { Metadata } from './types.ts';
import type { ValueDocuments } from './value-documents.ts';

type Part = Uint32Array | Float64Array | Uint16Array;

/**
 * The bytes of the metadata of a segment's documents, in their order, for `MetadataColumns.from`.
 *
 * @param metadata - undefined for a document that has none.
 * @throws SternaError `limits` for more than 2²⁷ documents.
 */
export function buildColumns(metadata: Iterable<Metadata | undefined>): Uint8Array<ArrayBuffer> {
  const head = new MetadataHead();
  for (const one of metadata) head.add(one);
  return columnsOf(head);
}

/** The bytes of what a head has. @throws SternaError `limits` for more than 2²⁷ documents. */
export function columnsOf({ documents, fields }: MetadataHead): Uint8Array<ArrayBuffer> {
  if (documents > MOST_DOCUMENTS) {
    const words = `A segment has ${documents} documents; at most: ${MOST_DOCUMENTS}. Divide them among more segments.`;
    throw new SternaError('limits', words);
  }
  const columns = new Map<string, Uint8Array>();
  for (const [name, field] of fields) columns.set(name, columnOf(field, documents));
  return joinColumns(documents, columns);
}

function columnOf({ present, booleans, numbers, dates, texts }: HeadField, documents: number): Uint8Array {
  const numberParts = numberColumn(numbers, documents);
  const dateParts = numberColumn(dates, documents);
  const textParts = textColumn(texts, documents);
  const counts = new Uint32Array(COLUMN_COUNTS);
  counts.set([numbers.size, numberParts[2].length, dates.size, dateParts[2].length]);
  counts.set([texts.size, textParts[3].length, textParts[1].length, booleans.size > 0 ? 1 : 0], 4);
  const bitmap = makeBitmap(documents);
  for (const document of present.words) setBit(bitmap, document);
  const flags = booleans.size > 0 ? [true, false].map((value) => bitmapOf(booleans, value, documents)) : [];
  return join([counts, bitmap, ...flags, ...numberParts, ...dateParts, ...textParts]);
}

function numberColumn(values: ValueDocuments<number>, documents: number): Part[] {
  const sorted = Float64Array.from(values.all()).sort();
  return [sorted, ...postingsOf(values, sorted, documents)];
}

function textColumn(values: ValueDocuments<string>, documents: number): Part[] {
  const sorted = [...values.all()].sort();
  const starts = new Uint32Array(sorted.length + 1);
  for (let i = 0; i < sorted.length; i++) starts[i + 1] = ended(starts[i] + sorted[i].length);
  const units = new Uint16Array(starts[sorted.length]);
  let at = 0;
  for (const text of sorted) for (let i = 0; i < text.length; i++) units[at++] = text.charCodeAt(i);
  return [starts, units, ...postingsOf(values, sorted, documents)];
}

/** Where each value's documents begin, and the documents. */
function postingsOf<T extends string | number>(
  values: ValueDocuments<T>,
  sorted: ArrayLike<T>,
  documents: number,
): Uint32Array[] {
  const words = bitmapWords(documents);
  const starts = new Uint32Array(sorted.length + 1);
  for (let i = 0; i < sorted.length; i++)
    starts[i + 1] = ended(starts[i] + Math.min(words, values.count(sorted[i])));
  const postings = new Uint32Array(starts[sorted.length]);
  for (let i = 0; i < sorted.length; i++) {
    const [start, end] = [starts[i], starts[i + 1]];
    if (end - start === words) values.mark(sorted[i], postings.subarray(start, end));
    else values.copy(sorted[i], postings, end);
  }
  return [starts, postings];
}

function bitmapOf(values: ValueDocuments<boolean>, value: boolean, documents: number): Uint32Array {
  const bitmap = makeBitmap(documents);
  values.mark(value, bitmap);
  return bitmap;
}

function join(parts: readonly Part[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + align(byteLength), 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += align(byteLength);
  }
  return bytes;
}

function ended(place: number): number {
  if (place < 2 ** 32) return place;
  throw new SternaError(
    'limits',
    'A field of the metadata has more than 2³² words; divide the documents among more segments.',
  );
}
