import type { Scanner } from '../index/scan/scanner.ts';
import { VectorColumn } from '../index/vectors/vector-column.ts';
import type { VectorList } from './vector-list.ts';

/** Vectors whose nearest centroids are looked for at once. */
const BATCH = 64;

/** The middles of clusters, in codes of 8 bits: the same ones when clusters are made, when they are read, and when they are updated. */
export class Centroids {
  private constructor(
    private readonly scanner: Scanner,
    readonly column: VectorColumn,
  ) {}

  /** @param values - `[count, dimensions]` of unit length. */
  static of(scanner: Scanner, values: Float32Array, dimensions: number): Centroids {
    const column = new VectorColumn(scanner.heap, { kind: 'int8', dimensions });
    column.append(values);
    return new Centroids(scanner, column);
  }

  get length(): number {
    return this.column.length;
  }

  /**
   * The nearest centroid of each row; of two that are equally near, the first.
   *
   * @param rows - which rows. Default: all.
   * @param nearest - `[rows]`, written.
   */
  assign(vectors: VectorList, rows: Uint32Array | undefined, nearest: Uint32Array): void {
    const count = rows?.length ?? vectors.length;
    const parts = [{ column: this.column }];
    for (let from = 0; from < count; from += BATCH) {
      const batch: Float32Array[] = [];
      for (let i = from; i < Math.min(count, from + BATCH); i++) batch.push(vectors.at(rows ? rows[i] : i));
      for (const [i, { rows: found }] of this.scanner.scanMany(parts, batch, { candidates: 1 }).entries())
        nearest[from + i] = found[0];
    }
  }

  dispose(): void {
    this.column.dispose();
  }
}
