import { SternaError } from '../errors.ts';
import type { EmbeddingSpace } from '../types.ts';
import { MOST_DIMENSIONS, VectorStore } from './store.ts';
import { type Scored, TopK } from './top-k.ts';

/** A vector of any origin; only its direction counts. */
export type VectorLike = Float32Array | Float64Array | Int8Array | readonly number[];

/** What an index is for. */
export interface VectorIndexOptions {
  /** Length of its vectors. */
  dimensions: number;
  /** What its vectors are comparable with; kept with the index, and compared by whoever adds and searches. */
  space?: EmbeddingSpace | string;
}

/** How to search. */
export interface VectorSearchOptions {
  /** Most hits. Default: 10. */
  k?: number;
  /** Whether a vector may be a hit. Called only for those that are near enough. */
  filter?: (id: string) => boolean;
  /** Lowest cosine of a hit. Default: none. */
  minScore?: number;
}

/** A vector that was found. */
export interface IndexHit {
  readonly id: string;
  /** Cosine of the angle to the query, −1 … 1. */
  readonly score: number;
}

/**
 * Exact cosine search over a growing set of vectors: all of them are compared, none is missed.
 *
 * ```ts
 * const index = new VectorIndex({ dimensions: 256 });
 * index.add('puffin', vector);
 * index.search(query, { k: 3 }); // [{ id: 'puffin', score: 0.83 }, …]
 * ```
 */
export class VectorIndex {
  /** Id of the {@link EmbeddingSpace}, where it was given. */
  readonly space: string | undefined;
  private store: VectorStore;
  private readonly ids: string[] = [];
  /** Place of each id. */
  private readonly places = new Map<string, number>();

  /** @throws SternaError `invalid-dimensions`. */
  constructor({ dimensions, space }: VectorIndexOptions) {
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS) {
      throw new SternaError(
        'invalid-dimensions',
        `dimensions is ${dimensions}; needed: a whole number from 1 to ${MOST_DIMENSIONS}.`,
      );
    }
    this.space = typeof space === 'object' ? space.id : space;
    this.store = new VectorStore(dimensions);
  }

  /** Length of the vectors. */
  get dimensions(): number {
    return this.store.dimensions;
  }

  /** Number of vectors. */
  get size(): number {
    return this.store.count;
  }

  /**
   * Adds a vector. It is scaled to unit length.
   *
   * @param id - not empty and well-formed Unicode.
   * @throws SternaError `duplicate-id`, `invalid-input` for an id that is none, `invalid-vector` for NaN, infinity,
   *   zeros alone or a wrong length, `limits`. The index is as before then.
   */
  add(id: string, vector: VectorLike): void {
    if (typeof id !== 'string' || id === '' || /\p{Surrogate}/u.test(id)) {
      throw new SternaError(
        'invalid-input',
        `The id is ${JSON.stringify(id)}; needed: a well-formed string that is not empty.`,
      );
    }
    if (this.places.has(id)) {
      throw new SternaError('duplicate-id', `"${id}" is in the index already; remove it first.`);
    }
    this.store.push(this.unit(vector));
    this.places.set(id, this.ids.length);
    this.ids.push(id);
  }

  /** Takes a vector out. @throws SternaError `unknown-id`. */
  remove(id: string): void {
    const at = this.places.get(id);
    if (at === undefined) throw new SternaError('unknown-id', `There is no "${id}" in the index.`);
    this.store.remove(at);
    this.places.delete(id);
    const last = this.ids.pop()!;
    if (last === id) return;
    this.ids[at] = last;
    this.places.set(last, at);
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  /** A copy of a vector, of unit length; nothing where there is none. */
  get(id: string): Float32Array | undefined {
    const at = this.places.get(id);
    return at === undefined ? undefined : this.store.row(at).slice();
  }

  /** The ids, in no particular order. */
  keys(): IterableIterator<string> {
    return this.places.keys();
  }

  /**
   * Finds the nearest vectors, best first; of equal ones, the one with the smaller id.
   *
   * @throws SternaError `invalid-vector`, `invalid-input` for a `k` that is no whole number of at least 1.
   */
  search(vector: VectorLike, options: VectorSearchOptions = {}): IndexHit[] {
    const { k = 10, filter, minScore = Number.NEGATIVE_INFINITY } = options;
    if (!Number.isInteger(k) || k < 1) {
      throw new SternaError('invalid-input', `k is ${k}; needed: a whole number of at least 1.`);
    }
    if (Number.isNaN(minScore)) throw new SternaError('invalid-input', 'minScore is NaN; needed: a number.');
    const query = this.unit(vector);
    const { dimensions } = this;
    const vectors = this.store.all;
    const best = new TopK(Math.min(k, this.size));
    for (let i = 0, at = 0; i < this.ids.length; i++, at += dimensions) {
      const score = dot(query, vectors, at);
      if (score < minScore || score < best.threshold) continue;
      if (!filter || filter(this.ids[i])) best.add(this.ids[i], score);
    }
    return best.sorted().map(({ id, score }: Scored) => ({ id, score }));
  }

  /** The index as bytes, for a file or a database. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.store.toBytes({ space: this.space, ids: this.ids });
  }

  /**
   * An index from its bytes, which are copied.
   *
   * @throws SternaError `corrupt-file` for bytes that are no index, or are damaged, or of a newer format.
   */
  static from(bytes: Uint8Array | ArrayBuffer): VectorIndex {
    const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    const { store, tail } = VectorStore.from(view);
    const index = new VectorIndex({ dimensions: store.dimensions, space: tail.space });
    index.store = store;
    for (const [at, id] of tail.ids.entries()) {
      index.ids.push(id);
      index.places.set(id, at);
    }
    return index;
  }

  /** The vector, checked and scaled to unit length. Sums in float64. */
  private unit(vector: VectorLike): Float32Array {
    const { dimensions } = this;
    if (vector.length !== dimensions) {
      throw new SternaError(
        'invalid-vector',
        `The vector has ${vector.length} dimensions; needed: ${dimensions}.`,
      );
    }
    let largest = 0;
    for (let i = 0; i < dimensions; i++) {
      if (!Number.isFinite(vector[i])) {
        throw new SternaError(
          'invalid-vector',
          `Dimension ${i} of the vector is ${vector[i]}; needed: finite numbers.`,
        );
      }
      largest = Math.max(largest, Math.abs(vector[i]));
    }
    if (largest === 0)
      throw new SternaError('invalid-vector', 'The vector is all zeros, so it has no direction.');
    // Scaled first, so that squares of very large or small numbers stay numbers.
    let squares = 0;
    for (let i = 0; i < dimensions; i++) squares += (vector[i] / largest) ** 2;
    const length = Math.sqrt(squares);
    return Float32Array.from({ length: dimensions }, (_, i) => vector[i] / largest / length);
  }
}

/** Dot product of the query and the vector at `at`, in float64. Four sums, so that they do not wait for each other. */
function dot(query: Float32Array, vectors: Float32Array, at: number): number {
  const { length } = query;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    a += query[i] * vectors[at + i];
    b += query[i + 1] * vectors[at + i + 1];
    c += query[i + 2] * vectors[at + i + 2];
    d += query[i + 3] * vectors[at + i + 3];
  }
  for (; i < length; i++) a += query[i] * vectors[at + i];
  return a + b + (c + d);
}
