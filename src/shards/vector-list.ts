/** Vectors of a chunk. */
const CHUNK_ROWS = 16_384;

/** A growing list of vectors, in chunks, so that it grows without being copied. */
export class VectorList {
  private readonly chunks: Float32Array[] = [];
  private count = 0;

  constructor(readonly dimensions: number) {}

  get length(): number {
    return this.count;
  }

  /** @param vector - `[dimensions]`; copied. */
  push(vector: Float32Array): void {
    const within = this.count % CHUNK_ROWS;
    if (within === 0) this.chunks.push(new Float32Array(CHUNK_ROWS * this.dimensions));
    this.chunks.at(-1)!.set(vector, within * this.dimensions);
    this.count++;
  }

  /** A view of a row. */
  at(row: number): Float32Array {
    const from = (row % CHUNK_ROWS) * this.dimensions;
    return this.chunks[Math.floor(row / CHUNK_ROWS)].subarray(from, from + this.dimensions);
  }

  /** The rows in pieces of `[rows, dimensions]`. */
  *pieces(): Generator<Float32Array> {
    for (let from = 0; from < this.count; from += CHUNK_ROWS) {
      const rows = Math.min(CHUNK_ROWS, this.count - from);
      yield this.chunks[from / CHUNK_ROWS].subarray(0, rows * this.dimensions);
    }
  }
}
