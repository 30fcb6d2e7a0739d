import { SternaError } from '../../errors.ts';
import type { ScanOptions, ScanResult } from '../scan/scanner.ts';
import { type Dispatch, encodePass, Workspace } from './commands.ts';
import { watch } from './error-scopes.ts';
import { type CodeColumn, GpuColumn } from './gpu-column.ts';
import { type Hits, mergeHits, toHits } from './hits.ts';
import { MAP_READ, Usage } from './program.ts';
import { BINS, compilePrograms, type Programs } from './programs.ts';
import { type QueryCodes, queryCodes } from './query-codes.ts';
import { ResultBuffers } from './result-buffers.ts';
import {
  checkPositions,
  type GpuScanPart,
  groupColumns,
  type ScanGroup,
  scanDispatches,
} from './scan-group.ts';
import { firstStates, type SelectionSize, selectionDispatches, sortFound } from './selection.ts';

/** Most rows that a scan gives. */
export const MOST_CANDIDATES = 1024;
/** Bytes of keys at once; more queries are scanned one group after another. */
const KEYS_BYTES = 64 * 2 ** 20;
/** Queries at once, each of which has a histogram of 8 KiB. */
const MOST_QUERIES = 1024;

/** How to make a {@link GpuScanner}. */
export interface GpuScannerOptions {
  /** Whether the device's WGSL has `dot4I8Packed`. Default: as the browser says. */
  readonly packed?: boolean;
  /** Most bytes of a buffer. Default: what the device allows; less is for tests. */
  readonly mostBytes?: number;
}

/** Some queries in one go through a group: a part of what a call submits. */
interface Job {
  readonly group: ScanGroup;
  /** Number of its first query, and the queries. */
  readonly first: number;
  readonly queries: readonly QueryCodes[];
  readonly planes: number;
  readonly size: SelectionSize;
  /** Where its results lie, in bytes. */
  readonly offset: number;
}

/**
 * Scans columns of codes on the GPU and selects the best rows there, so that these alone come back.
 *
 * A scan gives every row a key by its score, which for int8 and int4 does not depend on the order of sums; see
 * {@link queryCodes}. The selection by keys is drawn at {@link selectionDispatches}.
 */
export class GpuScanner {
  private readonly workspace: Workspace;
  private readonly results: ResultBuffers;
  private readonly columns = new Set<GpuColumn>();
  /** Rejects when the device is lost; nothing else settles it. */
  private readonly lost: Promise<never>;
  private failure: SternaError | undefined;
  private disposed = false;

  private constructor(
    private readonly device: GPUDevice,
    private readonly programs: Programs,
    private readonly mostBytes: number,
    lost: Promise<SternaError>,
  ) {
    this.workspace = new Workspace(device);
    this.results = new ResultBuffers(device);
    this.lost = lost.then((error) => {
      this.failure = error;
      throw error;
    });
    this.lost.catch(() => {});
  }

  /**
   * Compiles the kernels. The device stays the caller's.
   *
   * @throws SternaError `no-webgpu` where they do not compile, `device-lost`.
   */
  static async create(device: GPUDevice, options: GpuScannerOptions = {}): Promise<GpuScanner> {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    const { packed = hasPackedDots(), mostBytes = Number.POSITIVE_INFINITY } = options;
    const lost = device.lost.then(lostError);
    // A lost device may leave a compilation pending for ever.
    const programs = await Promise.race([compilePrograms(device, packed), lost]);
    if (programs instanceof SternaError) throw programs;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize, mostBytes);
    return new GpuScanner(device, programs, most, lost);
  }

  /**
   * Copies a column to the GPU, in as many buffers as it needs. Where there is no room for it, scans of it are refused with
   * `limits`.
   *
   * @throws SternaError `invalid-input` for what is no column, `limits` where a block does not fit into a buffer, `device-lost`,
   * `disposed`.
   */
  upload(column: CodeColumn): GpuColumn {
    this.check();
    const made = new GpuColumn(this.device, column, this.mostBytes, () => this.columns.delete(made));
    this.columns.add(made);
    return made;
  }

  /**
   * The best rows of some columns for a vector, best first; of equal scores the one of the earlier column, and of the earlier
   * row, is first.
   *
   * @param vector - `[dimensions]`, of unit length.
   * @throws SternaError `invalid-input`, `invalid-vector`, `limits`, `device-lost`, `wrong-results`, `disposed`.
   */
  async scan(
    parts: readonly GpuScanPart[],
    query: ScanOptions & { readonly vector: Float32Array },
  ): Promise<ScanResult> {
    const [result] = await this.scanMany(parts, [query.vector], query);
    return result;
  }

  /** As {@link scan}, for several vectors: one result for each, in their order, with one wait for the GPU. */
  async scanMany(
    parts: readonly GpuScanPart[],
    vectors: readonly Float32Array[],
    options: ScanOptions,
  ): Promise<ScanResult[]> {
    this.check();
    checkOptions(options);
    for (const { column } of parts) column.check();
    const groups = groupColumns(parts);
    const jobs = this.plan(groups, vectors, options);
    const count = groups.reduce((sum, { masks }) => sum + masks.count, 0);
    const found = jobs.length === 0 ? undefined : await this.run(jobs, parts);
    return vectors.map((_, query) => {
      const hits = jobs.flatMap((job) => (found ? hitsOf(job, query, found) : []));
      return mergeHits(hits, options.candidates, count);
    });
  }

  /** Frees the columns and all else that it has on the device. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const column of this.columns) column.dispose();
    this.results.destroy();
    this.workspace.destroy();
  }

  /** Divides queries so that their keys fit into a buffer. */
  private plan(
    groups: readonly ScanGroup[],
    vectors: readonly Float32Array[],
    { candidates, planes = Number.POSITIVE_INFINITY }: ScanOptions,
  ): Job[] {
    const jobs: Job[] = [];
    let offset = 0;
    for (const group of groups) {
      const { layout, positions, masks } = group;
      const taking = Math.min(planes, layout.planes);
      const queries = vectors.map((vector) => queryCodes(group, vector, taking));
      const wanted = Math.min(candidates, masks.count);
      if (wanted === 0) continue;
      checkPositions(group, this.mostBytes);
      const fitting = Math.floor(Math.min(KEYS_BYTES, this.mostBytes) / (4 * positions));
      const most = Math.min(Math.max(fitting, 1), MOST_QUERIES);
      for (let first = 0; first < queries.length; first += most) {
        const part = queries.slice(first, first + most);
        const size = { queries: part.length, positions, candidates: wanted };
        jobs.push({ group, first, queries: part, planes: taking, size, offset });
        offset += resultBytes(size);
      }
    }
    return jobs;
  }

  /** Submits jobs and brings what they found, each at its offset. */
  private async run(jobs: readonly Job[], parts: readonly GpuScanPart[]): Promise<ArrayBuffer> {
    const { offset, size } = jobs[jobs.length - 1];
    const bytes = offset + resultBytes(size);
    const { value, error } = watch(this.device, () => {
      const results = this.results.take(bytes);
      for (const job of jobs) this.submit(job, results);
      return { results, mapped: results.mapAsync(MAP_READ, 0, bytes) };
    });
    const { results, mapped } = value;
    const refusal = refusalOf(error, parts);
    try {
      await Promise.race([mapped, this.lost]);
      const refused = await Promise.race([refusal, this.lost]);
      if (refused) throw refused;
      const copy = results.getMappedRange(0, bytes).slice(0);
      results.unmap();
      this.results.giveBack(results);
      return copy;
    } catch (reason) {
      results.destroy();
      // Some of its buffers may not be usable.
      this.workspace.destroy();
      // Without a refusal, nothing but the loss of the device keeps results from coming.
      throw this.failure ?? (await refusal) ?? lostError(reason as Error);
    }
  }

  /** Writes the queries of a job, scans, selects and copies the results. Nothing of another call can come between. */
  private submit({ group, queries, planes, size, offset }: Job, results: GPUBuffer): void {
    const { device, workspace, programs } = this;
    const { storage, copySource, copyTarget } = Usage;
    const queryWords = queries[0].words.length;
    const words = new Uint32Array(queries.length * queryWords);
    for (const [i, query] of queries.entries()) words.set(query.words, i * queryWords);
    const { positions, candidates } = size;

    const taken = workspace.get('taken', 4 * size.queries, storage | copySource | copyTarget);
    const found = workspace.get('found', 8 * size.queries * candidates, storage | copySource);
    const keys = workspace.get('keys', 4 * size.queries * positions, storage);
    const counts = workspace.get('counts', 4 * size.queries * BINS, storage);
    const states = workspace.write('states', firstStates(size), storage);
    const masks = workspace.write('masks', group.masks.words, storage);
    const queryBuffer = workspace.write('queries', words, storage);
    const dispatches: Dispatch[] = [
      ...scanDispatches(
        programs,
        group,
        { masks, keys, queries: queryBuffer },
        { queries: size.queries, queryWords, planes },
      ),
      ...selectionDispatches(programs, { keys, states, counts, taken, found }, size),
    ];

    const encoder = device.createCommandEncoder({ label: 'scan' });
    encoder.clearBuffer(taken);
    encodePass(device, workspace, encoder, dispatches);
    encoder.copyBufferToBuffer(taken, 0, results, offset, 4 * size.queries);
    encoder.copyBufferToBuffer(found, 0, results, offset + foundOffset(size), 8 * size.queries * candidates);
    device.queue.submit([encoder.finish()]);
  }

  private check(): void {
    if (this.disposed) throw new SternaError('disposed', 'This scanner was disposed of. Make a new one.');
    if (this.failure) throw this.failure;
  }
}

/** Bytes before the rows that were found: their numbers, in pairs as 64-bit numbers follow. */
function foundOffset({ queries }: SelectionSize): number {
  return 8 * Math.ceil(queries / 2);
}

function resultBytes(size: SelectionSize): number {
  return foundOffset(size) + 8 * size.queries * size.candidates;
}

/** What a job found for a query, if it was the one that looked: none or one. */
function hitsOf({ group, first, queries, size, offset }: Job, query: number, results: ArrayBuffer): Hits[] {
  const at = query - first;
  if (at < 0 || at >= queries.length) return [];
  const { candidates } = size;
  const [taken] = new Uint32Array(results, offset + 4 * at, 1);
  if (taken !== candidates) {
    throw new SternaError(
      'wrong-results',
      `The GPU selected ${taken} rows where ${candidates} were to be found. Search on the processor, and update the graphics driver.`,
    );
  }
  const pairs = new Uint32Array(results, offset + foundOffset(size) + 8 * at * candidates, 2 * candidates);
  return [toHits(group, queries[at], sortFound(pairs))];
}

function checkOptions({ candidates, planes = 1 }: ScanOptions): void {
  if (!Number.isInteger(candidates) || candidates < 0 || candidates > MOST_CANDIDATES) {
    throw new SternaError(
      'invalid-input',
      `${candidates} candidates are asked for; needed: a whole number from 0 to ${MOST_CANDIDATES}.`,
    );
  }
  if (!Number.isInteger(planes) || planes < 1) {
    throw new SternaError('invalid-input', `planes is ${planes}; needed: a whole number from 1.`);
  }
}

/** Why the device refused an upload of the columns, or the scan; undefined where it did not. */
async function refusalOf(
  error: Promise<GPUError | null>,
  parts: readonly GpuScanPart[],
): Promise<SternaError | undefined> {
  const refusals = await Promise.all(parts.map(({ column }) => column.refusal));
  const refusal = refusals.find((one) => one !== undefined);
  const own = await error;
  if (refusal || !own) return refusal;
  return new SternaError('limits', `The GPU refused a scan: ${own.message}. Search on the processor.`);
}

function lostError({ message }: { readonly message: string }): SternaError {
  return new SternaError(
    'device-lost',
    `The GPU went away${message ? ` (${message})` : ''}. Make a new scanner on a new device.`,
  );
}

/** Whether WGSL has products of packed bytes, as far as the browser says. */
function hasPackedDots(): boolean {
  const gpu = globalThis.navigator?.gpu as GPU | undefined;
  return gpu?.wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') === true;
}
