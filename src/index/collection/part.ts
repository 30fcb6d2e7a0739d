import { forEachBit } from '../bitmap.ts';
import type { IdTable } from '../ids/id-table.ts';
import type { Postings } from '../lexical/postings.ts';
import type { MetadataSource } from '../metadata/source.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';
import type { StoredText } from './stored-text.ts';

/** Ids of documents, by their numbers; see {@link IdTable}. */
export type DocumentIds = Pick<IdTable, 'length' | 'size' | 'has' | 'at' | 'mask'>;

/**
 * Some documents of a collection: the head, which grows, or a sealed segment. Documents are numbered from 0; their passages are rows, and those of a
 * document lie together. A removed document keeps its number and its rows until the part is written anew.
 */
export interface Part {
  /** For messages. */
  readonly name: string;
  /** Ids of its documents, by their numbers; removed ones are marked there. */
  readonly ids: DocumentIds;
  readonly rows: number;
  /** What is scanned. */
  readonly codes: VectorColumn;
  /** Finer codes of the same rows. */
  readonly rerank?: VectorColumn;
  readonly postings?: Postings;
  readonly metadata: MetadataSource;
  /** First row of a document; of the number of documents: the number of rows. */
  firstRow(document: number): number;
  /** The document of a row. */
  documentOf(row: number): number;
  /** UTF-16 range of a row in its document's text. */
  range(row: number): readonly [start: number, end: number];
  /** Text, metadata and hash of a document. @throws SternaError `corrupt-file`. */
  stored(document: number): StoredText;
}

/** A bit for each row of the documents in `documents`; nothing where all take part. */
export function rowMask(part: Part, documents: Uint32Array | undefined): Uint32Array | undefined {
  if (!documents) return undefined;
  // Where each document has one row, rows are documents.
  if (part.rows === part.ids.length && isOneEach(part)) return documents;
  const mask = new Uint32Array(Math.ceil(part.rows / 32));
  forEachBit(documents, (document) => {
    const end = part.firstRow(document + 1);
    for (let row = part.firstRow(document); row < end; row++) mask[row >> 5] |= 1 << (row & 31);
  });
  return mask;
}

function isOneEach(part: Part): boolean {
  for (let document = 0; document < part.rows; document++)
    if (part.firstRow(document) !== document) return false;
  return true;
}

/** The last of `count` documents whose first row is not beyond `row` and that has rows. */
export function documentAt(row: number, count: number, firstRow: (document: number) => number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (firstRow(middle) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
