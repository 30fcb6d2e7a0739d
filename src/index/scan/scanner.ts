import { SternaError } from '../../errors.ts';
import { CONTROL_WORDS, Crew, type ThreadStarter } from '../../wasm/crew.ts';
import { BLOCK_ROWS, rowBytes } from '../vectors/code-layout.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';
import { BestRows } from './best-rows.ts';
import { dotOf, type Multiplier, multiplierOf, queryBytes } from './dots.ts';
import { Heap } from './heap.ts';
import { relaxed, simd } from './kernels.generated.ts';
import { inFloats, plainScan } from './plain-scan.ts';
import { scoreOf, type WholeQuery, wholeQuery } from './query-codes.ts';
import { writeQuery } from './query-layout.ts';
import { rescore } from './rescore.ts';

/** A column that takes part in a scan. */
export interface ScanPart {
  readonly column: VectorColumn;
  /** A bit for each row that takes part, bit `row & 31` of word `row >> 5`. Default: all. */
  readonly mask?: Uint32Array;
}

/** How to scan. */
export interface ScanOptions {
  /** Most rows that are found. */
  readonly candidates: number;
  /** How many planes of int8 and int4 take part, from the first. Default: all. */
  readonly planes?: number;
}

/** What a scan found, best first; of equal scores the one of the earlier column, and of the earlier row, is first. */
export interface ScanResult {
  /** `[found]` number of the column. */
  readonly columns: Uint32Array;
  /** `[found]` row in its column. */
  readonly rows: Uint32Array;
  /**
   * `[found]` cosine by the codes: of the query in floats for float32, rounded to 8 bits for int8 and int4, and to 4 for
   * binary. Where not all planes take part, what the others add on average is in its place.
   */
  readonly scores: Float32Array;
  /** Whether there may be more rows with the worst of these scores, or with lower ones. */
  readonly isCut: boolean;
}

/** How to start a {@link Scanner}. */
export interface ScannerOptions {
  /** Whether WebAssembly may be used where it is there. Default: true. */
  readonly wasm?: boolean;
  /** Whether relaxed SIMD may be used where it is there. Default: true. */
  readonly relaxed?: boolean;
  /** Whether the eighth bit of relaxed SIMD may be used where it can be. Default: true. */
  readonly eightBits?: boolean;
}

/** How to start a {@link Scanner} of several threads. */
export interface ScannerThreads extends ScannerOptions {
  /** Threads that work, the calling one included. More than one need shared memory, and a caller that may wait. Default: 1. */
  readonly threads?: number;
  readonly startThread?: ThreadStarter;
}

const JOB_WORDS = 11;
/** Words of a block in the table of blocks. */
const BLOCK_WORDS = 5;
/** Memory of a thread ahead of its best rows: sums of a block's rows, in assembly/scan.ts. */
const SUMS_BYTES = 16 * BLOCK_ROWS;
/** Chunks for each thread: the last ones even out what the first ones took longer. */
const CHUNKS_PER_THREAD = 8;
/** Bytes of codes that are worth waking other threads for: some hundred microseconds. */
const WORTH_SHARING = 2 ** 20;

/** Columns whose codes mean the same, so that what the kernels make of them can be compared. */
interface Group {
  readonly parts: { readonly part: ScanPart; readonly number: number; readonly first: number }[];
  readonly column: VectorColumn;
  rows: number;
}

/**
 * Compares all rows of columns with queries, and keeps the best: SIMD kernels in WebAssembly (assembly/), or plain TypeScript
 * where there is none. What is found does not depend on which, nor on the number of threads.
 *
 * Columns lie in its {@link heap}, and can be scanned by it alone.
 */
export class Scanner {
  private constructor(
    /** Memory for columns. */
    readonly heap: Heap,
    private readonly crew: Crew | undefined,
    private readonly multiplier: Multiplier,
  ) {}

  /**
   * A scanner of several threads, where they can be had.
   *
   * @throws SternaError `limits` where there is no memory.
   */
  static async create({ threads = 1, startThread, ...options }: ScannerThreads = {}): Promise<Scanner> {
    const kernels = kernelsFor(options);
    if (!kernels || threads < 2 || !startThread) return Scanner.alone(options);
    const { heap, memory } = Heap.ofWebAssembly(true);
    const control = heap.allocate(4 * CONTROL_WORDS);
    heap.words.fill(0, control / 4, control / 4 + CONTROL_WORDS);
    const crew = await Crew.start(kernels.compile(true), memory, control, threads, startThread);
    return new Scanner(heap, crew, multiplierOf(crew.probe, kernels === relaxed, options.eightBits));
  }

  /** A scanner of the calling thread alone, at once. @throws SternaError `limits` where there is no memory. */
  static alone(options: ScannerOptions = {}): Scanner {
    const kernels = kernelsFor(options);
    const module = kernels && compiled(kernels);
    if (!module) return new Scanner(Heap.ofPlainMemory(), undefined, 'plain');
    const { heap, memory } = Heap.ofWebAssembly(false);
    const crew = Crew.alone(module, memory);
    return new Scanner(heap, crew, multiplierOf(crew.probe, kernels === relaxed, options.eightBits));
  }

  /** Threads that work, the caller included. */
  get threads(): number {
    return this.crew?.size ?? 1;
  }

  /** What it runs on, such as `relaxed SIMD, 2 threads`. */
  get adapter(): string {
    if (!this.crew) return 'no WebAssembly';
    const words = this.multiplier === 'plain' ? 'SIMD' : 'relaxed SIMD';
    return `${words}, ${this.threads} ${this.threads === 1 ? 'thread' : 'threads'}`;
  }

  /** Finds the rows nearest to a vector of unit length. All columns have its dimensions. */
  scan(parts: readonly ScanPart[], query: ScanOptions & { readonly vector: Float32Array }): ScanResult {
    return this.scanMany(parts, [query.vector], query)[0];
  }

  /** {@link scan} for several vectors, for which memory is read once. */
  scanMany(
    parts: readonly ScanPart[],
    vectors: readonly Float32Array[],
    { candidates, planes }: ScanOptions,
  ): ScanResult[] {
    const rows = parts.reduce((sum, { column }) => sum + column.length, 0);
    const most = Math.min(candidates, rows);
    if (most === 0 || vectors.length === 0) return vectors.map(() => nothing(rows > 0));
    const results = groupsOf(parts).map((group) => this.scanGroup(group, vectors, most, planes));
    return vectors.map((_, i) =>
      merge(
        results.map((ofGroup) => ofGroup[i]),
        most,
        most < rows,
      ),
    );
  }

  /**
   * Scores of some rows by all their planes and the query in floats.
   *
   * @param vector - `[dimensions]` of unit length.
   * @returns a cosine for each of `rows`; for float32 it is the scan's, bit for bit.
   */
  rescore(column: VectorColumn, rows: ArrayLike<number>, vector: Float32Array): Float32Array {
    return rescore(column, rows, vector);
  }

  /** Ends its threads. Its columns are not to be used any more. */
  dispose(): void {
    this.crew?.dispose();
  }

  private scanGroup(
    group: Group,
    vectors: readonly Float32Array[],
    most: number,
    wanted: number | undefined,
  ): GroupResult[] {
    const { layout } = group.column;
    const planes = Math.max(1, Math.min(wanted ?? layout.planes, layout.planes));
    const wholes = vectors.map((vector) => wholeQuery(vector, group.column, planes));
    const best = this.crew
      ? this.scanByKernels(this.crew, group, vectors, wholes, planes, most)
      : scanPlainly(group, vectors, wholes, planes, most);
    return best.map((rows, i) => inColumns(group, rows, wholes[i]));
  }

  private scanByKernels(
    crew: Crew,
    group: Group,
    vectors: readonly Float32Array[],
    wholes: readonly WholeQuery[],
    planes: number,
    most: number,
  ): BestRows[] {
    const { layout } = group.column;
    const dot = dotOf(layout.kind, this.multiplier);
    const candidates = Math.min(most, group.rows);
    const blocks = group.parts.reduce((sum, { part }) => sum + part.column.blockCount, 0);
    const scratch = new Scratch(this.heap);
    try {
      const ofQuery = queryBytes(dot, layout, planes);
      const bestBytes = 8 + 8 * candidates;
      const ofThread = SUMS_BYTES + Math.ceil((vectors.length * bestBytes) / 64) * 64;
      const bytes = rowBytes(layout) * group.rows * (planes / layout.planes) * vectors.length;
      const isShared = crew.size > 1 && bytes >= WORTH_SHARING;
      const blocksPerChunk = isShared
        ? Math.max(1, Math.floor(blocks / (CHUNKS_PER_THREAD * crew.size)))
        : blocks;
      const job = scratch.take(4 * JOB_WORDS);
      const table = scratch.take(4 * BLOCK_WORDS * blocks);
      const queries = scratch.take(ofQuery * vectors.length);
      const bests = scratch.take(ofThread * crew.size);
      const masks = group.parts.map(({ part }) => (part.mask ? scratch.take(maskBytes(part.column)) : 0));
      // Nothing is allocated from here on, so views stay good.
      const { heap } = this;
      this.writeBlocks(group, table, masks);
      for (const [i, vector] of vectors.entries())
        writeQuery(heap, queries + i * ofQuery, dot, this.multiplier, layout, vector, wholes[i]);
      const words = [dot, table, blocks, blocksPerChunk, planes, layout.planeBytes, queries, ofQuery];
      heap.words.set([...words, vectors.length, candidates, layout.planes], job / 4);
      for (let thread = 0; thread < crew.size; thread++) {
        for (let i = 0; i < vectors.length; i++)
          heap.words[(bests + SUMS_BYTES + thread * ofThread + i * bestBytes) / 4] = 0;
      }
      const chunks = Math.ceil(blocks / blocksPerChunk);
      if (isShared) crew.do(job, chunks, bests, ofThread);
      else crew.doAlone(job, chunks, bests);
      return vectors.map((_, i) =>
        this.readBest(crew.size, bests + SUMS_BYTES + i * bestBytes, ofThread, most),
      );
    } finally {
      scratch.release();
    }
  }

  private writeBlocks(group: Group, table: number, masks: readonly number[]): void {
    const { words } = this.heap;
    let at = table / 4;
    for (const [i, { part, first }] of group.parts.entries()) {
      const { column, mask } = part;
      if (mask) words.set(mask.subarray(0, maskBytes(column) / 4), masks[i] / 4);
      for (let block = 0; block < column.blockCount; block++) {
        const { address, rows, stride } = column.block(block);
        const ofBlock = masks[i] && masks[i] + (block * BLOCK_ROWS) / 8;
        words[at++] = address;
        words[at++] = rows;
        words[at++] = stride;
        words[at++] = ofBlock;
        words[at++] = first + block * BLOCK_ROWS;
      }
    }
  }

  /** Puts together what the threads have kept for a query. */
  private readBest(threads: number, address: number, ofThread: number, most: number): BestRows {
    const best = new BestRows(most);
    const { words } = this.heap;
    for (let thread = 0; thread < threads; thread++) {
      const at = (address + thread * ofThread) / 4;
      best.addKeys(words.subarray(at + 2, at + 2 + 2 * words[at]));
    }
    return best;
  }
}

/** Memory for a scan alone. */
class Scratch {
  private readonly addresses: number[] = [];

  constructor(private readonly heap: Heap) {}

  take(bytes: number): number {
    const address = this.heap.allocate(bytes);
    this.addresses.push(address);
    return address;
  }

  release(): void {
    for (const address of this.addresses) this.heap.release(address);
  }
}

interface GroupResult {
  readonly columns: Uint32Array;
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
}

function kernelsFor({ wasm = true, relaxed: allowed = true }: ScannerOptions) {
  if (!wasm || typeof WebAssembly !== 'object') return undefined;
  if (allowed && relaxed.isSupported()) return relaxed;
  return simd.isSupported() ? simd : undefined;
}

/** The module, or nothing where the page's policy forbids WebAssembly, or to compile it at once. */
function compiled(kernels: typeof simd): WebAssembly.Module | undefined {
  try {
    return kernels.compile(false);
  } catch {
    return undefined;
  }
}

/** Bytes of a column's mask, in whole words. */
function maskBytes(column: VectorColumn): number {
  return 4 * Math.ceil(column.length / 32);
}

function groupsOf(parts: readonly ScanPart[]): Group[] {
  const groups: Group[] = [];
  for (const [number, part] of parts.entries()) {
    const { column, mask } = part;
    checkPart(column, parts[0].column, mask);
    let group = groups.find((other) => other.column.isLike(column));
    if (!group) {
      group = { parts: [], column, rows: 0 };
      groups.push(group);
    }
    group.parts.push({ part, number, first: group.rows });
    group.rows += column.length;
  }
  return groups.filter(({ rows }) => rows > 0);
}

function checkPart(column: VectorColumn, first: VectorColumn, mask: Uint32Array | undefined): void {
  if (column.dimensions !== first.dimensions) {
    throw new SternaError(
      'invalid-input',
      `A column has ${column.dimensions} dimensions and another one ${first.dimensions}; needed: the same.`,
    );
  }
  if (mask && mask.length < Math.ceil(column.length / 32)) {
    throw new SternaError(
      'invalid-input',
      `The mask has ${mask.length} words; needed: ${Math.ceil(column.length / 32)}, a bit for each row.`,
    );
  }
}

function scanPlainly(
  { parts }: Group,
  vectors: readonly Float32Array[],
  wholes: readonly WholeQuery[],
  planes: number,
  most: number,
): BestRows[] {
  return vectors.map((vector, i) => {
    const best = new BestRows(most);
    for (const { part, first } of parts)
      plainScan(part.column, part.mask, first, vector, wholes[i], planes, best);
    return best;
  });
}

/** The rows of a group, each in its column, with scores as floats. */
function inColumns(group: Group, best: BestRows, whole: WholeQuery): GroupResult {
  const { rows, scores } = best.sorted();
  const columns = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    let at = group.parts.length - 1;
    while (group.parts[at].first > rows[i]) at--;
    columns[i] = group.parts[at].number;
    rows[i] -= group.parts[at].first;
  }
  return { columns, rows, scores: inFloats(scores).map((value) => scoreOf(whole, value)) };
}

/** The best of several groups. */
function merge(results: readonly GroupResult[], most: number, isCutShort: boolean): ScanResult {
  if (results.length === 1) return { ...results[0], isCut: isCutShort && results[0].rows.length === most };
  const all = results.flatMap(({ columns, rows, scores }) =>
    Array.from(rows, (row, i) => ({ column: columns[i], row, score: scores[i] })),
  );
  all.sort((a, b) => b.score - a.score || a.column - b.column || a.row - b.row);
  const best = all.slice(0, most);
  return {
    columns: Uint32Array.from(best, ({ column }) => column),
    rows: Uint32Array.from(best, ({ row }) => row),
    scores: Float32Array.from(best, ({ score }) => score),
    isCut: isCutShort && best.length === most,
  };
}

/** Results for parts that were scanned apart, as one. Their columns are numbered together. */
export function mergeScans(results: readonly ScanResult[], candidates: number): ScanResult {
  const rows = results.reduce((sum, result) => sum + result.rows.length, 0);
  const isCut = rows > candidates || results.some((result) => result.isCut);
  return { ...merge(results, candidates, isCut), isCut };
}

function nothing(isCut: boolean): ScanResult {
  return { columns: new Uint32Array(0), rows: new Uint32Array(0), scores: new Float32Array(0), isCut };
}
