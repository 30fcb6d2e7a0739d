import { IdTable } from '../ids/id-table.ts';
import { LexicalHead } from '../lexical/head.ts';
import { MetadataHead } from '../metadata/head.ts';
import type { ColumnHeap } from '../vectors/vector-column.ts';
import { VectorColumn } from '../vectors/vector-column.ts';
import type { IndexedDocument } from './changes.ts';
import { documentAt, type Part } from './part.ts';
import { type StoredText, storeText } from './stored-text.ts';

/** The documents that came since the last segment was sealed, in memory, with their vectors as they are. The journal has them, too. */
export class Head implements Part {
  readonly name = 'the head';
  readonly ids = new IdTable();
  readonly codes: VectorColumn;
  readonly metadata = new MetadataHead();
  readonly postings: LexicalHead | undefined;
  /** Bytes of its texts and metadata. */
  bytes = 0;
  private readonly texts: StoredText[] = [];
  /** `[documents + 1]` */
  private readonly firstRows: number[] = [0];
  /** `[rows, 2]` */
  private readonly ranges: number[] = [];

  constructor(heap: ColumnHeap, dimensions: number, lexical: boolean) {
    this.codes = new VectorColumn(heap, { kind: 'float32', dimensions });
    this.postings = lexical ? new LexicalHead() : undefined;
  }

  get rows(): number {
    return this.ranges.length / 2;
  }

  /** Adds a document whose id is in no part. */
  add({ id, text, metadata, hash, passages }: IndexedDocument): void {
    const { dimensions } = this.codes;
    const vectors = new Float32Array(passages.length * dimensions);
    for (const [i, { start, end, vector, terms = new Uint32Array(0) }] of passages.entries()) {
      vectors.set(vector, i * dimensions);
      this.ranges.push(start, end);
      this.postings?.add(terms);
    }
    this.codes.append(vectors);
    this.ids.add(id);
    this.metadata.add(metadata);
    const stored = storeText(text, metadata, hash);
    this.bytes += stored.text.length + stored.metadata.length;
    this.texts.push(stored);
    this.firstRows.push(this.rows);
  }

  firstRow(document: number): number {
    return this.firstRows[document];
  }

  documentOf(row: number): number {
    return documentAt(row, this.ids.length, (document) => this.firstRows[document]);
  }

  range(row: number): readonly [number, number] {
    return [this.ranges[2 * row], this.ranges[2 * row + 1]];
  }

  stored(document: number): StoredText {
    return this.texts[document];
  }

  dispose(): void {
    this.codes.dispose();
  }
}
