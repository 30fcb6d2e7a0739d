import type { IndexFolder } from '../files/folder.ts';
import { IdTable } from '../ids/id-table.ts';
import { LexicalSection } from '../lexical/section.ts';
import { MetadataColumns } from '../metadata/columns.ts';
import { CODE_KINDS, codeBytes, codeLayout, MOST_DIMENSIONS } from '../vectors/code-layout.ts';
import { readMean } from '../vectors/mean.ts';
import { type ColumnHeap, type ColumnSpec, VectorColumn } from '../vectors/vector-column.ts';
import { documentAt, type Part } from './part.ts';
import { corrupt, type Section, SectionFile } from './section-file.ts';
import type { StoredText } from './stored-text.ts';

/** Largest number of a vector of unit length, with room for rounding. */
const MOST_OF_UNIT = 1.01;

/** What the directory of a segment says. */
export interface SegmentInfo {
  readonly documents: number;
  readonly rows: number;
  readonly codes: CodesInfo;
  readonly rerank?: CodesInfo;
}

/** How vectors are kept. */
export type CodesInfo = Pick<ColumnSpec, 'kind' | 'dimensions'>;

/**
 * Words of a document in the section `records`: where its text begins in `texts`, bytes of the text and of the metadata that follow it, form of the
 * text, and the hash.
 */
export const RECORD_WORDS = 6;

/**
 * Documents that do not change, in a file:
 *
 * ```
 *  idLengths idLong idText   the ids, see IdTable
 *  records    u32 [documents, 6]
 *  firstRows  u32 [documents + 1]
 *  ranges     u32 [rows, 2]
 *  texts      u8
 *  mean       f32 [dimensions], what codes are relative to, where they are not all float32
 *  codes      see VectorColumn; rerank as well, where there are finer ones
 *  lexical    see LexicalSection, where there are postings
 *  metadata   see MetadataColumns
 * ```
 *
 * Ids, first rows, codes and metadata are in memory; texts, ranges and postings are read as they are needed.
 */
export class Segment implements Part {
  private constructor(
    readonly name: string,
    private readonly file: SectionFile<SegmentInfo>,
    readonly ids: IdTable,
    readonly codes: VectorColumn,
    readonly rerank: VectorColumn | undefined,
    readonly postings: LexicalSection | undefined,
    readonly metadata: MetadataColumns,
    private readonly firstRows: Uint32Array,
    private readonly sections: {
      readonly records: Section;
      readonly ranges: Section;
      readonly texts: Section;
    },
  ) {}

  /**
   * Opens a segment and reads what must be in memory.
   *
   * @throws SternaError `corrupt-file`, `limits`, `storage`.
   */
  static async open(folder: IndexFolder, name: string, heap: ColumnHeap): Promise<Segment> {
    const path = `${folder.location}/${name}`;
    const opened = await folder.open(name);
    if (!opened) throw corrupt(path, 'it is missing');
    const columns: VectorColumn[] = [];
    try {
      const file = SectionFile.open<SegmentInfo>(opened, path);
      const info = checkInfo(file.info, path);
      const mean = meanIn(file, info, path);
      const column = (section: string, codes: CodesInfo) => {
        columns.push(loadColumn(file, section, { ...codes, mean }, info.rows, heap, path));
        return columns[columns.length - 1];
      };
      const codes = column('codes', info.codes);
      const rerank = info.rerank && column('rerank', info.rerank);
      const idLengths = file.bytes('idLengths');
      const idText = file.bytes('idText');
      const ids = IdTable.from(
        () => idLengths,
        file.words('idLong'),
        () => idText,
      );
      const firstRows = file.words('firstRows');
      const postings = file.has('lexical') ? LexicalSection.from(file.section('lexical'), path) : undefined;
      const metadata = MetadataColumns.from(file.bytes('metadata'), path);
      const sections = {
        records: file.section('records'),
        ranges: file.section('ranges'),
        texts: file.section('texts'),
      };
      const isWhole =
        ids.length === info.documents &&
        firstRows.length === info.documents + 1 &&
        firstRows[0] === 0 &&
        firstRows[info.documents] === info.rows &&
        firstRows.every((row, i) => i === 0 || row >= firstRows[i - 1]) &&
        sections.records.size === 4 * RECORD_WORDS * info.documents &&
        sections.ranges.size === 8 * info.rows &&
        (postings?.rows ?? info.rows) === info.rows &&
        metadata.documents === info.documents;
      if (!isWhole) throw corrupt(path, 'its sections do not belong together');
      return new Segment(name, file, ids, codes, rerank, postings, metadata, firstRows, sections);
    } catch (error) {
      for (const column of columns) column.dispose();
      opened.close();
      throw error;
    }
  }

  get rows(): number {
    return this.codes.length;
  }

  /** What its codes are relative to; nothing where they are all float32. */
  get mean(): Float32Array | undefined {
    return [this.codes, this.rerank].find((column) => column && column.kind !== 'float32')?.mean;
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.file.size;
  }

  /** Bytes of the file as they are, to be copied. */
  rawBytes(start: number, end: number): Uint8Array {
    return this.file.rawBytes(start, end);
  }

  firstRow(document: number): number {
    return this.firstRows[document];
  }

  documentOf(row: number): number {
    return documentAt(row, this.ids.length, (document) => this.firstRows[document]);
  }

  range(row: number): readonly [number, number] {
    const [start, end] = new Uint32Array(this.sections.ranges.read(8 * row, 8 * row + 8).buffer);
    return [start, end];
  }

  stored(document: number): StoredText {
    const bytes = 4 * RECORD_WORDS;
    const record = this.sections.records.read(bytes * document, bytes * (document + 1));
    const [start, textBytes, metadataBytes, form, low, high] = new Uint32Array(record.buffer);
    const both = this.sections.texts.read(start, start + textBytes + metadataBytes);
    const hex = (word: number) => word.toString(16).padStart(8, '0');
    return {
      form,
      text: both.subarray(0, textBytes),
      metadata: both.subarray(textBytes),
      hash: hex(high) + hex(low),
    };
  }

  dispose(): void {
    this.codes.dispose();
    this.rerank?.dispose();
    this.file.close();
  }
}

/** @throws SternaError `corrupt-file`. */
function meanIn(file: SectionFile<SegmentInfo>, info: SegmentInfo, path: string): Float32Array | undefined {
  if ([info.codes, info.rerank].every((codes) => !codes || codes.kind === 'float32')) return undefined;
  const mean = readMean(file.bytes('mean'), info.codes.dimensions);
  if (!mean) throw corrupt(path, '"mean" is of no vectors of unit length');
  return mean;
}

function loadColumn(
  file: SectionFile<SegmentInfo>,
  name: string,
  spec: ColumnSpec,
  rows: number,
  heap: ColumnHeap,
  path: string,
): VectorColumn {
  const section = file.section(name);
  const needed = codeBytes(codeLayout(spec.kind, spec.dimensions), rows);
  if (section.size !== needed) throw corrupt(path, `"${name}" has ${section.size} bytes; needed: ${needed}`);
  return VectorColumn.load(heap, spec, rows, (codes) => {
    section.fill(codes);
    if (spec.kind === 'float32') checkFloats(codes, name, path);
  });
}

/** Scores of other numbers would not be in order. */
function checkFloats(codes: Uint8Array<ArrayBuffer>, name: string, path: string): void {
  const floats = new Float32Array(codes.buffer, codes.byteOffset, codes.length / 4);
  for (let i = 0; i < floats.length; i++) {
    if (!(Math.abs(floats[i]) <= MOST_OF_UNIT))
      throw corrupt(path, `"${name}" has ${floats[i]}, which is in no vector of unit length`);
  }
}

function checkInfo(info: Partial<SegmentInfo>, path: string): SegmentInfo {
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isSpec = (spec: Partial<CodesInfo> | undefined) =>
    CODE_KINDS.includes(spec?.kind as ColumnSpec['kind']) &&
    isCount(spec!.dimensions) &&
    spec!.dimensions! > 0 &&
    spec!.dimensions! <= MOST_DIMENSIONS;
  const isFine =
    isCount(info.documents) &&
    isCount(info.rows) &&
    isSpec(info.codes) &&
    (!info.rerank || isSpec(info.rerank));
  if (!isFine) throw corrupt(path, 'its description is not as it should be');
  return info as SegmentInfo;
}
