import { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import { IdTable } from '../ids/id-table.ts';
import { mergeSteps } from '../lexical/merge.ts';
import { columnsOf } from '../metadata/columns.ts';
import { MetadataHead } from '../metadata/head.ts';
import { meanBytes } from '../vectors/mean.ts';
import { unitVector } from '../vectors/unit.ts';
import type { ColumnHeap, ColumnSpec } from '../vectors/vector-column.ts';
import { VectorColumn } from '../vectors/vector-column.ts';
import { Breath } from './breath.ts';
import { type Part, rowMask } from './part.ts';
import { corrupt, SectionFileWriter } from './section-file.ts';
import { type CodesInfo, RECORD_WORDS, type SegmentInfo } from './segment.ts';
import { readMetadata } from './stored-text.ts';

const MOST_TEXT_BYTES = 2 ** 32 - 1;

/** How the vectors of a segment are to be kept. */
export interface SegmentCodes {
  readonly codes: CodesInfo;
  readonly rerank?: CodesInfo;
  /** What codes are relative to, where they are not all float32. */
  readonly mean?: Float32Array;
}

/**
 * Writes the documents of some parts that were not removed as one segment: a head that is sealed, or segments that are merged. Codes of the same kind
 * and mean are copied as they are; others are made of the numbers that the old ones mean.
 *
 * It takes a breath now and then, so that searches go on; the parts must stay as they are meanwhile.
 *
 * @param breath - of this work.
 * @returns what the segment has, and the size of its file, which is durable.
 * @throws SternaError `corrupt-file` where a part is damaged, `limits`, `storage-full`, `storage`. Nothing is left behind then.
 */
export async function writeSegment(
  folder: IndexFolder,
  name: string,
  parts: readonly Part[],
  { codes, rerank, mean }: SegmentCodes,
  heap: ColumnHeap,
  breath = new Breath(),
): Promise<SegmentInfo & { readonly bytes: number }> {
  const file = (await folder.open(name, { create: true }))!;
  try {
    file.truncate(0);
    const writer = new SectionFileWriter(file);
    const documents = await writeDocuments(writer, parts, breath);
    const rows = parts.reduce((sum, part) => sum + keptRows(part).length, 0);
    const target = { writer, parts, heap, breath };
    if (mean) writer.section('mean', meanBytes(mean));
    await writeColumn(target, 'codes', (part) => part.codes, { ...codes, mean });
    if (rerank) await writeColumn(target, 'rerank', (part) => part.rerank ?? part.codes, { ...rerank, mean });
    if (parts.every(({ postings }) => postings)) writer.section('lexical', await postingsOf(parts, breath));
    writer.section('metadata', await metadataOf(parts, breath));
    const info: SegmentInfo = { documents, rows, codes, rerank };
    const bytes = await writer.finish(info);
    file.close();
    return { ...info, bytes };
  } catch (error) {
    file.close();
    // What is left behind where that fails as well is removed when the index is opened.
    await folder.remove(name).catch(() => {});
    throw error;
  }
}

async function writeDocuments(
  writer: SectionFileWriter,
  parts: readonly Part[],
  breath: Breath,
): Promise<number> {
  const count = parts.reduce((sum, { ids }) => sum + ids.size, 0);
  const rows = parts.reduce((sum, part) => sum + keptRows(part).length, 0);
  const ids = new IdTable(count);
  const records = new Uint32Array(RECORD_WORDS * count);
  const firstRows = new Uint32Array(count + 1);
  const ranges = new Uint32Array(2 * rows);
  let document = 0;
  let row = 0;
  writer.begin('texts');
  for (const [part, old] of keptDocuments(parts)) {
    if (breath.isDue) await breath.pause();
    const { form, text, metadata, hash } = part.stored(old);
    const [high, low] = [hash.slice(0, 8), hash.slice(8)].map((hex) => Number.parseInt(hex, 16));
    checkRoom(writer.sectionBytes + text.length + metadata.length);
    records.set(
      [writer.sectionBytes, text.length, metadata.length, form, low, high],
      RECORD_WORDS * document,
    );
    writer.write(text);
    writer.write(metadata);
    ids.add(part.ids.at(old));
    for (let from = part.firstRow(old); from < part.firstRow(old + 1); from++)
      ranges.set(part.range(from), 2 * row++);
    firstRows[++document] = row;
  }
  const { lengths, long, text } = ids.sections();
  writer.section('idLengths', lengths);
  writer.section('idLong', long);
  writer.section('idText', text);
  writer.section('records', records);
  writer.section('firstRows', firstRows);
  writer.section('ranges', ranges);
  return count;
}

/** Places in the texts have 32 bits. */
function checkRoom(bytes: number): void {
  if (bytes <= MOST_TEXT_BYTES) return;
  throw new SternaError(
    'limits',
    `The texts and metadata of a segment have more than ${MOST_TEXT_BYTES} bytes; needed: at most so many. Keep long texts elsewhere, or make several indexes.`,
  );
}

/** Rows whose codes are copied between two breaths. */
const ROWS_AT_ONCE = 1024;

interface Target {
  readonly writer: SectionFileWriter;
  readonly parts: readonly Part[];
  readonly heap: ColumnHeap;
  readonly breath: Breath;
}

async function writeColumn(
  { writer, parts, heap, breath }: Target,
  section: string,
  columnOf: (part: Part) => VectorColumn,
  spec: ColumnSpec,
): Promise<void> {
  const target = new VectorColumn(heap, spec);
  const vector = new Float32Array(spec.dimensions);
  try {
    for (const part of parts) {
      const isSame = columnOf(part).isLike(target);
      // Codes of other codes are made of the finest there are.
      const source = isSame ? columnOf(part) : (part.rerank ?? part.codes);
      const rows = keptRows(part);
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        const some = rows.subarray(from, from + ROWS_AT_ONCE);
        if (isSame) target.appendRows(source, some);
        else
          for (const row of some) target.append(unitVector(source.row(row, vector), spec.dimensions, vector));
        if (breath.isDue) await breath.pause();
      }
    }
    writer.begin(section);
    for (const piece of target.codes()) {
      writer.write(piece);
      if (breath.isDue) await breath.pause();
    }
  } finally {
    target.dispose();
  }
}

async function postingsOf(parts: readonly Part[], breath: Breath): Promise<Uint8Array> {
  const lexical = parts.map((part) => ({ postings: part.postings!, mask: rowMask(part, part.ids.mask()) }));
  const steps = mergeSteps(lexical);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (breath.isDue) await breath.pause();
  }
}

/** Rows of the documents that were not removed. */
function keptRows(part: Part): Uint32Array {
  const { ids, rows } = part;
  if (ids.size === ids.length) return Uint32Array.from({ length: rows }, (_, row) => row);
  const kept: number[] = [];
  for (let document = 0; document < ids.length; document++) {
    if (!ids.has(document)) continue;
    for (let row = part.firstRow(document); row < part.firstRow(document + 1); row++) kept.push(row);
  }
  return Uint32Array.from(kept);
}

function* keptDocuments(parts: readonly Part[]): Generator<readonly [part: Part, document: number]> {
  for (const part of parts) {
    for (let document = 0; document < part.ids.length; document++)
      if (part.ids.has(document)) yield [part, document];
  }
}

async function metadataOf(parts: readonly Part[], breath: Breath): Promise<Uint8Array> {
  const head = new MetadataHead();
  for (const [part, document] of keptDocuments(parts)) {
    head.add(readMetadata(part.stored(document), (words, cause) => corrupt(part.name, words, cause)));
    if (breath.isDue) await breath.pause();
  }
  return columnsOf(head);
}
