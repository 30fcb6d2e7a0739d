import type { FunnelPart } from './funnel.ts';
import type { Scanner } from './scan/scanner.ts';
import { calibrateRange } from './vectors/calibrate.ts';
import type { CodeKind } from './vectors/code-layout.ts';
import { VectorColumn } from './vectors/vector-column.ts';

/** Vectors that a range is chosen by. */
export const CALIBRATION = 1000;

/** How vectors are kept. */
export interface IndexCodes {
  readonly dimensions: number;
  readonly codes: CodeKind;
  readonly rerank?: CodeKind;
  /** Range of the codes. Default: it is chosen by the first {@link CALIBRATION} vectors. */
  readonly range?: number;
}

/**
 * The vectors of an index: their codes, finer ones where there are two kinds, and float32 for as long as there are too few to choose the
 * range of codes by. It is apart from the index, so that memory can be given back when nobody holds that any more.
 */
export class IndexVectors {
  /** In float32, until codes have a range. */
  private pending: VectorColumn | undefined;
  private coarse: VectorColumn | undefined;
  private fine: VectorColumn | undefined;

  constructor(
    readonly scanner: Scanner,
    readonly spec: IndexCodes,
  ) {
    const { codes, rerank, range, dimensions } = spec;
    const needsRange = [codes, rerank].some((kind) => kind === 'int8' || kind === 'int4');
    if (needsRange && range === undefined)
      this.pending = new VectorColumn(scanner.heap, { kind: 'float32', dimensions });
    else this.open(range ?? 1, range ?? 1);
  }

  /** Vectors of codes that were loaded. */
  static of(
    scanner: Scanner,
    spec: IndexCodes,
    coarse: VectorColumn,
    fine: VectorColumn | undefined,
  ): IndexVectors {
    const vectors = new IndexVectors(scanner, { ...spec, range: coarse.range });
    vectors.dispose();
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

  /** Range of the codes and of the finer ones; 0 where they have none yet. */
  get ranges(): { range: number; rerankRange: number } {
    const range = this.coarse?.range ?? 0;
    return { range, rerankRange: this.fine?.range ?? range };
  }

  /** What is searched. */
  get part(): FunnelPart {
    return { codes: this.first, rerank: this.fine };
  }

  /** Adds vectors of unit length, `[count, dimensions]`. */
  append(vectors: Float32Array): void {
    for (const column of this.columns) column.append(vectors);
    if (this.pending && this.pending.length >= CALIBRATION) this.calibrate();
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

  /** Chooses the range of the codes by the vectors that are there, if it was not chosen yet. */
  calibrate(): void {
    const { pending } = this;
    if (!pending || pending.length === 0) return;
    const { dimensions, codes, rerank } = this.spec;
    const vectors = new Float32Array(pending.length * dimensions);
    for (let row = 0; row < pending.length; row++)
      pending.row(row, vectors.subarray(row * dimensions, (row + 1) * dimensions));
    this.open(calibrateRange(codes, vectors), rerank ? calibrateRange(rerank, vectors) : 1);
    this.pending = undefined;
    for (const column of this.columns) column.append(vectors);
    pending.dispose();
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

  private open(range: number, rerankRange: number): void {
    const { dimensions, codes, rerank } = this.spec;
    const { heap } = this.scanner;
    this.coarse = new VectorColumn(heap, { kind: codes, dimensions, range });
    if (rerank) this.fine = new VectorColumn(heap, { kind: rerank, dimensions, range: rerankRange });
  }
}
