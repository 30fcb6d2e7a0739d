import type { FunnelPart } from './funnel.ts';
import type { Scanner } from './scan/scanner.ts';
import type { CodeKind } from './vectors/code-layout.ts';
import { meanOf } from './vectors/mean.ts';
import { VectorColumn } from './vectors/vector-column.ts';

/** Vectors whose mean codes are relative to. */
export const SAMPLE = 1000;

/** How vectors are kept. */
export interface IndexCodes {
  readonly dimensions: number;
  readonly codes: CodeKind;
  readonly rerank?: CodeKind;
  /** What codes are relative to. Default: the mean of the first {@link SAMPLE} vectors. */
  readonly mean?: Float32Array;
}

/**
 * The vectors of an index: their codes, finer ones where there are two kinds, and float32 for as long as there are too few to know
 * their mean. It is apart from the index, so that memory can be given back when nobody holds that any more.
 */
export class IndexVectors {
  /** In float32, until there is a mean. */
  private pending: VectorColumn | undefined;
  private coarse: VectorColumn | undefined;
  private fine: VectorColumn | undefined;

  constructor(
    readonly scanner: Scanner,
    readonly spec: IndexCodes,
  ) {
    const { codes, rerank, dimensions, mean } = spec;
    const isPlain = [codes, rerank].every((kind) => kind === undefined || kind === 'float32');
    if (isPlain || mean) this.open(mean);
    else this.pending = new VectorColumn(scanner.heap, { kind: 'float32', dimensions });
  }

  /** Vectors of codes that were loaded. */
  static of(
    scanner: Scanner,
    spec: IndexCodes,
    coarse: VectorColumn,
    fine: VectorColumn | undefined,
  ): IndexVectors {
    const vectors = new IndexVectors(scanner, spec);
    vectors.dispose();
    vectors.pending = undefined;
    vectors.coarse = coarse;
    vectors.fine = fine;
    return vectors;
  }

  get length(): number {
    return this.first.length;
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return this.columns.reduce((sum, column) => sum + column.memoryBytes, 0);
  }

  /** What codes are relative to; nothing where there are too few vectors, and where all codes are float32. */
  get mean(): Float32Array | undefined {
    return [this.coarse, this.fine].find((column) => column && column.kind !== 'float32')?.mean;
  }

  /** What is searched. */
  get part(): FunnelPart {
    return { codes: this.first, rerank: this.fine };
  }

  /** Adds vectors of unit length, `[count, dimensions]`. */
  append(vectors: Float32Array): void {
    for (const column of this.columns) column.append(vectors);
    if (this.pending && this.pending.length >= SAMPLE) this.settle();
  }

  /** Makes sure that there is memory for so many more. */
  reserve(rows: number): void {
    for (const column of [this.coarse, this.fine]) column?.reserve(rows);
  }

  /** The numbers that the finest codes of a row mean. */
  row(at: number): Float32Array {
    return (this.fine ?? this.first).row(at);
  }

  truncate(rows: number): void {
    for (const column of this.columns) column.truncate(rows);
  }

  /** Keeps these rows alone, which are in their order. */
  keep(rows: ArrayLike<number>): void {
    for (const column of this.columns) {
      for (let to = 0; to < rows.length; to++) if (rows[to] !== to) column.copyRow(rows[to], to);
      column.truncate(rows.length);
    }
  }

  /** Takes the mean of the vectors that are there, if there is none yet. Where there is no memory for codes, all stays as it is. */
  settle(): void {
    const { pending } = this;
    if (!pending || pending.length === 0) return;
    const vectors = this.floatsOf(pending);
    this.open(meanOf(vectors, this.spec.dimensions));
    try {
      this.coarse?.append(vectors);
      this.fine?.append(vectors);
    } catch (error) {
      this.close();
      throw error;
    }
    this.pending = undefined;
    pending.dispose();
  }

  /** A copy of the vectors that wait for their mean, if so many more end the waiting. */
  waitingBefore(rows: number): Float32Array | undefined {
    const { pending } = this;
    return pending && pending.length + rows >= SAMPLE ? this.floatsOf(pending) : undefined;
  }

  /** Takes back all but the first rows. @param waiting - of {@link waitingBefore}, when there were no more than these. */
  restore(rows: number, waiting: Float32Array | undefined): void {
    if (waiting && !this.pending) {
      this.close();
      this.pending = new VectorColumn(this.scanner.heap, {
        kind: 'float32',
        dimensions: this.spec.dimensions,
      });
      this.pending.append(waiting);
    } else this.truncate(rows);
  }

  /** Codes as files have them. */
  get sections(): { codes: VectorColumn | undefined; rerank: VectorColumn | undefined } {
    return { codes: this.coarse, rerank: this.fine };
  }

  dispose(): void {
    for (const column of this.columns) column.dispose();
  }

  private get first(): VectorColumn {
    return (this.pending ?? this.coarse)!;
  }

  private get columns(): VectorColumn[] {
    return [this.pending, this.coarse, this.fine].filter((column) => column !== undefined);
  }

  private floatsOf(pending: VectorColumn): Float32Array {
    const { dimensions } = this.spec;
    const vectors = new Float32Array(pending.length * dimensions);
    for (let row = 0; row < pending.length; row++)
      pending.row(row, vectors.subarray(row * dimensions, (row + 1) * dimensions));
    return vectors;
  }

  /** There are no codes then. */
  private close(): void {
    this.coarse?.dispose();
    this.fine?.dispose();
    this.coarse = undefined;
    this.fine = undefined;
  }

  private open(mean?: Float32Array): void {
    const { dimensions, codes, rerank } = this.spec;
    const { heap } = this.scanner;
    this.coarse = new VectorColumn(heap, { kind: codes, dimensions, mean });
    if (rerank) this.fine = new VectorColumn(heap, { kind: rerank, dimensions, mean });
  }
}
