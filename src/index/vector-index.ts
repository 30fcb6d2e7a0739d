import { SternaError } from '../errors.ts';
import type { EmbeddingSpace } from '../types.ts';
import { corruptIndex } from './corrupt.ts';
import { type FunnelHits, type FunnelOptions, type FunnelPlan, searchFunnelMany } from './funnel.ts';
import { type ByteSource, IdTable } from './ids/id-table.ts';
import { type IndexHead, readIndex, type SectionName, versionOf, writeIndex } from './index-file.ts';
import { readVersion1 } from './index-file-1.ts';
import { IndexVectors } from './index-vectors.ts';
import { planFunnel } from './plan-funnel.ts';
import type { Heap } from './scan/heap.ts';
import { Scanner } from './scan/scanner.ts';
import { checkUnitFloats } from './unit-floats.ts';
import { CODE_KINDS, type CodeKind, MOST_DIMENSIONS } from './vectors/code-layout.ts';
import { isMean, meanBytes, readMean } from './vectors/mean.ts';
import { unitVector, type VectorLike } from './vectors/unit.ts';
import { VectorColumn } from './vectors/vector-column.ts';

export type { CodeKind } from './vectors/code-layout.ts';
export type { VectorLike } from './vectors/unit.ts';

/** What an index is for. */
export interface VectorIndexOptions {
  /** Length of its vectors. */
  dimensions: number;
  /** What its vectors are comparable with; kept with the index, and compared by whoever adds and searches. */
  space?: EmbeddingSpace | string;
  /**
   * How numbers are kept: `float32` (default, 4 bytes a dimension), `int8` (1 byte), `int4` (half a byte) or `binary` (a bit). The
   * fewer, the smaller and faster the index, and the coarser its scores. The smaller ones are relative to the mean of the first 1,000
   * vectors, which are float32 until then.
   */
  codes?: CodeKind;
  /** Finer codes that are kept as well, by which the best hits by `codes` are put in order. Default: none. */
  rerank?: CodeKind;
  /** The mean that smaller codes are relative to, such as another index's of like vectors; then they need not wait for the first 1,000. */
  mean?: Float32Array;
}

/** How to search. */
export interface VectorSearchOptions {
  /** Most hits. Default: 10. */
  k?: number;
  /**
   * Whether the finest codes of all vectors are compared. Default: false, and then first dimensions of all are compared where that was
   * measured to find 99.9 % of the neighbours. An index of float32 is always exact.
   */
  exact?: boolean;
  /** Whether a vector may be a hit. Called for those that are near enough, and for all where too few of them may. */
  filter?: (id: string) => boolean;
  /** Lowest cosine of a hit. Default: none. */
  minScore?: number;
}

/** A vector that was found. */
export interface IndexHit {
  readonly id: string;
  /** Cosine of the angle to the query by the finest codes, −1 … 1 but for rounding. */
  readonly score: number;
}

/** Removed vectors are swept out when there are more than these, and more than half as many as others. */
const FEW_REMOVED = 64;
/** Vectors that are added together. */
const ADDED = 256;
/** Queries that are scanned together: their candidates take memory. */
const BATCH = 32;
/** With a filter, so many times `k` vectors are looked at before it is asked about all. */
const FILTER_OVERSAMPLE = 8;

/** Memory that {@link VectorIndex.allocate} gave, by its buffer. */
const allocations = new WeakMap<ArrayBufferLike, { scanner: Scanner; address: number; length: number }>();

/** The scanner of all indexes that have no memory of their own, made when first needed. */
let common: Scanner | undefined;

function commonScanner(): Scanner {
  common ??= Scanner.alone();
  return common;
}

/** Gives vectors' memory back when their index is gone; made when first needed. */
let registry: FinalizationRegistry<{ vectors: IndexVectors }> | undefined;

function indexRegistry(): FinalizationRegistry<{ vectors: IndexVectors }> {
  registry ??= new FinalizationRegistry(({ vectors }) => vectors.dispose());
  return registry;
}

/**
 * Cosine search over a growing set of vectors. With `float32` codes it is exact: all of them are compared, none is missed. With the smaller
 * ones it finds what their rounding lets it.
 *
 * ```ts
 * const index = new VectorIndex({ dimensions: 256, codes: 'int8' });
 * index.add('puffin', vector);
 * index.search(query, { k: 3 }); // [{ id: 'puffin', score: 0.83 }, …]
 * ```
 */
export class VectorIndex {
  /** Id of the {@link EmbeddingSpace}, where it was given. */
  readonly space: string | undefined;
  private ids = new IdTable();
  /** In a box that outlives the index in the registry. */
  private readonly box: { vectors: IndexVectors };
  /** Which rows were not removed, if it is known and not all. */
  private kept: Uint32Array | undefined;
  private plan: FunnelPlan | undefined;
  /** Size when the plan was measured. */
  private planSize = 0;
  /** Vectors on their way in, of unit length. */
  private units = new Float32Array(0);

  /** @throws SternaError `invalid-dimensions`, `invalid-input` for codes or a mean that are none. */
  constructor(options: VectorIndexOptions) {
    const { dimensions, space, codes = 'float32', rerank } = options;
    const mean = options.mean && Float32Array.from(options.mean);
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS) {
      throw new SternaError(
        'invalid-dimensions',
        `dimensions is ${dimensions}; needed: a whole number from 1 to ${MOST_DIMENSIONS}.`,
      );
    }
    checkKind('codes', codes);
    if (rerank !== undefined) checkKind('rerank', rerank);
    if (mean) checkMean(mean, dimensions);
    this.space = typeof space === 'object' ? space.id : space;
    this.box = { vectors: new IndexVectors(commonScanner(), { dimensions, codes, rerank, mean }) };
    indexRegistry().register(this, this.box, this);
  }

  /** Length of the vectors. */
  get dimensions(): number {
    return this.vectors.spec.dimensions;
  }

  /** Number of vectors. */
  get size(): number {
    return this.ids.size;
  }

  /** How numbers are kept. */
  get codes(): CodeKind {
    return this.vectors.spec.codes;
  }

  /** Finer codes that are kept as well. */
  get rerank(): CodeKind | undefined {
    return this.vectors.spec.rerank;
  }

  /** The mean that its codes are relative to; nothing where they are all float32, as they are while there are too few vectors. */
  get mean(): Float32Array | undefined {
    return this.vectors.mean?.slice();
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    return this.vectors.bytes + this.ids.bytes;
  }

  /**
   * Adds a vector. It is scaled to unit length.
   *
   * @param id - not empty and well-formed Unicode.
   * @throws SternaError `duplicate-id`, `invalid-input` for an id that is none, `invalid-vector` for NaN, infinity,
   *   zeros alone or a wrong length, `limits`. The index is as before then.
   */
  add(id: string, vector: VectorLike): void {
    this.sweep(FEW_REMOVED);
    this.addBatch([id], () => vector, 0, 1);
  }

  /**
   * Adds vectors, all or none.
   *
   * @param vectors - as many as ids, or their numbers one after another, `[ids, dimensions]`.
   * @throws SternaError as {@link add}, and `invalid-input` where there are not as many as ids.
   */
  addMany(ids: readonly string[], vectors: Float32Array | readonly VectorLike[]): void {
    const { dimensions } = this;
    const isFlat = vectors instanceof Float32Array;
    const count = isFlat ? vectors.length / dimensions : vectors.length;
    if (count !== ids.length) {
      throw new SternaError(
        'invalid-input',
        `There are ${count} vectors for ${ids.length} ids; needed: as many.`,
      );
    }
    const vectorAt = isFlat
      ? (i: number) => vectors.subarray(i * dimensions, (i + 1) * dimensions)
      : (i: number) => vectors[i];
    this.sweep(FEW_REMOVED);
    const before = this.ids.length;
    const waiting = this.vectors.waitingBefore(ids.length);
    this.ids.reserve(ids.length);
    try {
      this.vectors.reserve(ids.length);
      for (let start = 0; start < ids.length; start += ADDED)
        this.addBatch(ids, vectorAt, start, Math.min(ids.length, start + ADDED));
    } catch (error) {
      this.ids.truncate(before);
      this.vectors.restore(before, waiting);
      throw error;
    }
  }

  /** Takes a vector out. @throws SternaError `unknown-id`. */
  remove(id: string): void {
    const row = this.rowOf(id);
    if (row < 0) throw new SternaError('unknown-id', `There is no "${id}" in the index.`);
    this.ids.remove(row);
    this.kept = undefined;
  }

  has(id: string): boolean {
    return this.rowOf(id) >= 0;
  }

  /** A copy of a vector, as its finest codes keep it; nothing where there is none. */
  get(id: string): Float32Array | undefined {
    const row = this.rowOf(id);
    return row < 0 ? undefined : this.vectors.row(row);
  }

  /** The ids, in no particular order. Some may be removed meanwhile; whether others that are added appear is open. */
  *keys(): IterableIterator<string> {
    const { ids } = this;
    for (let row = 0; row < ids.length; row++) {
      if (!ids.has(row)) continue;
      const id = ids.at(row);
      if (ids === this.ids || this.has(id)) yield id;
    }
  }

  /**
   * Finds the nearest vectors, best first; of equal ones, the one with the smaller id.
   *
   * @throws SternaError `invalid-vector`, `invalid-input` for a `k` that is no whole number of at least 1.
   */
  search(vector: VectorLike, options: VectorSearchOptions = {}): IndexHit[] {
    return this.searchMany([vector], options)[0];
  }

  /** {@link search} for several vectors, for which memory is read once. */
  searchMany(vectors: readonly VectorLike[], options: VectorSearchOptions = {}): IndexHit[][] {
    checkSearch(options);
    const queries = vectors.map((vector) => unitVector(vector, this.dimensions));
    const hits: IndexHit[][] = [];
    for (let start = 0; start < queries.length; start += BATCH)
      hits.push(...this.searchBatch(queries.slice(start, start + BATCH), options));
    return hits;
  }

  /**
   * The index as bytes, for a file or a database. Where vectors waited for their mean, they are turned into codes now.
   *
   * @throws SternaError `limits` where there is no memory for them.
   */
  toBytes(): Uint8Array<ArrayBuffer> {
    this.sweep(0);
    this.vectors.settle();
    const { codes, rerank } = this.vectors.sections;
    const ids = this.ids.sections();
    const space = new TextEncoder().encode(this.space ?? '');
    const long = new Uint8Array(ids.long.buffer);
    const { mean: own } = this.vectors;
    const mean = this.size > 0 && own ? meanBytes(own) : new Uint8Array(0);
    const head: IndexHead = {
      dimensions: this.dimensions,
      count: this.size,
      codes: this.codes,
      rerank: this.rerank,
      plan: this.currentPlan(),
      hasSpace: this.space !== undefined,
    };
    const sizes = {
      lengths: ids.lengths.length,
      long: long.length,
      text: ids.text.length,
      space: space.length,
      mean: mean.length,
      codes: codes?.byteLength ?? 0,
      rerank: rerank?.byteLength ?? 0,
    };
    const pieces = { lengths: [ids.lengths], long: [long], text: [ids.text], space: [space] };
    const vectors = {
      mean: [mean],
      codes: codes?.codes() ?? [],
      rerank: rerank?.codes() ?? [],
    };
    return writeIndex(head, { ...pieces, ...vectors }, sizes);
  }

  /**
   * An index from its bytes. They are copied, but for those that {@link allocate} gave: these become the index's own.
   *
   * @throws SternaError `corrupt-file` for bytes that are no index, or are damaged, or of a newer format.
   */
  static from(bytes: Uint8Array | ArrayBuffer): VectorIndex {
    // Not as it comes: `slice` of Node's Buffer copies nothing.
    const view =
      bytes instanceof Uint8Array
        ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : new Uint8Array(bytes);
    return versionOf(view) === 1 ? fromVersion1(view) : VectorIndex.fromVersion2(view);
  }

  /**
   * Memory for the bytes of an index, where they can be searched: a file is read into it, and {@link from} copies nothing.
   *
   * @throws SternaError `limits` where there is not so much.
   */
  static allocate(byteLength: number): Uint8Array<ArrayBuffer> {
    if (!Number.isInteger(byteLength) || byteLength < 0)
      throw new SternaError('invalid-input', `byteLength is ${byteLength}; needed: a whole number of bytes.`);
    const scanner = Scanner.alone();
    const address = scanner.heap.allocate(byteLength);
    const bytes = scanner.heap.bytes.subarray(address, address + byteLength);
    allocations.set(bytes.buffer, { scanner, address, length: byteLength });
    return bytes;
  }

  /** Gives its memory back at once. It must not be used any more. Without it, that happens some time after nobody holds the index. */
  dispose(): void {
    this.vectors.dispose();
    indexRegistry().unregister(this);
  }

  private static fromVersion2(bytes: Uint8Array): VectorIndex {
    const { head, sections } = readIndex(bytes);
    const { dimensions, codes, rerank } = head;
    const own = ownMemory(bytes);
    const of = (name: SectionName): ByteSource => {
      const { start, end } = sections[name];
      if (own) return viewOf(own.scanner.heap, own.address + start, own.address + end);
      const copy = bytes.slice(start, end);
      return () => copy;
    };
    const space = head.hasSpace ? readSpace(of('space')()) : undefined;
    const long = new Uint32Array(of('long')().slice().buffer);
    const ids = IdTable.from(of('lengths'), long, of('text'));
    for (const [name, kind] of [
      ['codes', codes],
      ['rerank', rerank],
    ] as const) {
      if (kind === 'float32') checkUnitFloats(floatsOf(bytes, sections[name].start, sections[name].end));
    }
    const index = new VectorIndex({ dimensions, space, codes, rerank });
    index.ids = ids;
    index.plan = head.plan;
    index.planSize = head.count;
    if (head.count > 0) index.load(head, own, bytes, sections);
    return index;
  }

  private load(
    head: IndexHead,
    own: { scanner: Scanner; address: number } | undefined,
    bytes: Uint8Array,
    sections: Readonly<Record<SectionName, { start: number; end: number }>>,
  ): void {
    const { dimensions, count } = head;
    const { heap } = own?.scanner ?? this.vectors.scanner;
    const mean = meanIn(bytes.subarray(sections.mean.start, sections.mean.end), dimensions);
    const column = (name: 'codes' | 'rerank', kind: CodeKind) => {
      const spec = { kind, dimensions, mean };
      const { start, end } = sections[name];
      if (own) return VectorColumn.at(heap, spec, count, own.address + start);
      return VectorColumn.load(heap, spec, count, (codes) => codes.set(bytes.subarray(start, end)));
    };
    const coarse = column('codes', head.codes);
    const fine = head.rerank && column('rerank', head.rerank);
    const { scanner, spec } = this.vectors;
    this.vectors.dispose();
    this.box.vectors = IndexVectors.of(own?.scanner ?? scanner, spec, coarse, fine);
  }

  private addBatch(
    ids: readonly string[],
    vectorAt: (at: number) => VectorLike,
    start: number,
    end: number,
  ): void {
    const { dimensions } = this;
    const before = this.ids.length;
    if (this.units.length < (end - start) * dimensions)
      this.units = new Float32Array((end - start) * dimensions);
    const units = this.units.subarray(0, (end - start) * dimensions);
    for (let i = start; i < end; i++) {
      checkId(ids[i]);
      const at = (i - start) * dimensions;
      unitVector(vectorAt(i), dimensions, units.subarray(at, at + dimensions));
    }
    try {
      this.vectors.append(units);
      for (let i = start; i < end; i++) {
        if (this.ids.add(ids[i]) >= 0) continue;
        throw new SternaError('duplicate-id', `"${ids[i]}" is in the index already; remove it first.`);
      }
    } catch (error) {
      this.ids.truncate(before);
      this.vectors.truncate(before);
      throw error;
    }
    this.kept = undefined;
  }

  private get vectors(): IndexVectors {
    return this.box.vectors;
  }

  private rowOf(id: string): number {
    return typeof id === 'string' ? this.ids.find(id) : -1;
  }

  private searchBatch(queries: readonly Float32Array[], options: VectorSearchOptions): IndexHit[][] {
    const { k = 10, exact, filter, minScore } = options;
    if (this.size === 0) return queries.map(() => []);
    const most = Math.min(k, this.size);
    const plan = exact ? undefined : this.currentPlan();
    const idOf = (_: number, row: number) => this.ids.at(row);
    const search = { k: most, exact, plan, minScore, idOf };
    if (!filter) return this.run(queries, this.mask(), search).map(({ hits }) => hits.map(plain));
    const near = this.run(queries, this.mask(), {
      ...search,
      lookedAt: FILTER_OVERSAMPLE * most,
      accept: (_part, _row, id) => filter(id),
    });
    if (near.every(({ isShort }) => !isShort)) return near.map(({ hits }) => hits.map(plain));
    return this.run(queries, this.maskOf(filter), search).map(({ hits }) => hits.map(plain));
  }

  private run(
    queries: readonly Float32Array[],
    mask: Uint32Array | undefined,
    options: FunnelOptions,
  ): FunnelHits[] {
    const { vectors } = this;
    return searchFunnelMany(vectors.scanner, [{ ...vectors.part, mask }], queries, options);
  }

  /** Rows that were not removed; nothing where that is all. */
  private mask(): Uint32Array | undefined {
    this.kept ??= this.ids.mask();
    return this.kept;
  }

  private maskOf(filter: (id: string) => boolean): Uint32Array {
    const { ids } = this;
    const mask = new Uint32Array(Math.ceil(ids.length / 32));
    for (let row = 0; row < ids.length; row++)
      if (ids.has(row) && filter(ids.at(row))) mask[row >> 5] |= 1 << (row & 31);
    return mask;
  }

  /** How to search, measured anew when the index has half or twice the size that it had. */
  private currentPlan(): FunnelPlan | undefined {
    const { size } = this;
    if (size === 0) return undefined;
    if (this.planSize > 0 && size <= 2 * this.planSize && 2 * size >= this.planSize) return this.plan;
    const { scanner, part } = this.vectors;
    const plan = planFunnel(scanner, [{ ...part, mask: this.mask() }]);
    this.planSize = size;
    const isAll = plan.planes >= part.codes.planes && plan.oversample <= 1;
    this.plan = isAll ? undefined : plan;
    return this.plan;
  }

  /** Takes removed vectors out of memory where there are more than `few` of them, and many. */
  private sweep(few: number): void {
    const { ids } = this;
    const removed = ids.length - ids.size;
    if (removed <= few || (few > 0 && 2 * removed <= ids.size)) return;
    const left = new IdTable(ids.size);
    const rows = new Uint32Array(ids.size);
    for (let row = 0; row < ids.length; row++) if (ids.has(row)) rows[left.add(ids.at(row))] = row;
    this.vectors.keep(rows);
    this.ids = left;
    this.kept = undefined;
  }
}

function checkId(id: unknown): void {
  if (typeof id === 'string' && id !== '' && !/\p{Surrogate}/u.test(id)) return;
  throw new SternaError(
    'invalid-input',
    `The id is ${JSON.stringify(id)}; needed: a well-formed string that is not empty.`,
  );
}

function plain({ id, score }: IndexHit): IndexHit {
  return { id, score };
}

function ownMemory(bytes: Uint8Array) {
  const own = allocations.get(bytes.buffer);
  if (!own || bytes.byteOffset !== own.address || bytes.length !== own.length) return undefined;
  allocations.delete(bytes.buffer);
  return own;
}

/** A view of a heap that follows it when it grows. */
function viewOf(heap: Heap, start: number, end: number): ByteSource {
  let all = heap.bytes;
  let view = all.subarray(start, end);
  return () => {
    if (heap.bytes !== all) {
      all = heap.bytes;
      view = all.subarray(start, end);
    }
    return view;
  };
}

function readSpace(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw corruptIndex('its space is not UTF-8');
  }
}

function floatsOf(bytes: Uint8Array, start: number, end: number): Float32Array {
  const at = bytes.byteOffset + start;
  if (at % 4 === 0) return new Float32Array(bytes.buffer, at, (end - start) / 4);
  return new Float32Array(bytes.slice(start, end).buffer);
}

function fromVersion1(bytes: Uint8Array): VectorIndex {
  const { dimensions, space, ids, vectors } = readVersion1(bytes);
  const index = new VectorIndex({ dimensions, space });
  index.addMany(ids, vectors);
  return index;
}

/** @throws SternaError `corrupt-file`. */
function meanIn(bytes: Uint8Array, dimensions: number): Float32Array | undefined {
  if (bytes.length === 0) return undefined;
  const mean = readMean(bytes, dimensions);
  if (!mean) throw corruptIndex('its mean is of no vectors of unit length');
  return mean;
}

/** @throws SternaError `invalid-input`. */
function checkMean(mean: Float32Array, dimensions: number): void {
  if (isMean(mean, dimensions)) return;
  throw new SternaError(
    'invalid-input',
    `The mean is of no vectors of ${dimensions} dimensions and unit length; needed: one of an index of such vectors.`,
  );
}

function checkKind(name: string, kind: unknown): void {
  if (CODE_KINDS.includes(kind as CodeKind)) return;
  throw new SternaError(
    'invalid-input',
    `${name} is ${JSON.stringify(kind)}; needed: ${CODE_KINDS.map((one) => `"${one}"`).join(', ')}.`,
  );
}

function checkSearch({ k = 10, minScore = 0 }: VectorSearchOptions): void {
  if (!Number.isInteger(k) || k < 1)
    throw new SternaError('invalid-input', `k is ${k}; needed: a whole number of at least 1.`);
  if (Number.isNaN(minScore)) throw new SternaError('invalid-input', 'minScore is NaN; needed: a number.');
}
