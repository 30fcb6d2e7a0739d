import type { FunnelPlan } from '../funnel.ts';
import {
  mergeScans,
  type Scanner,
  type ScanOptions,
  type ScanPart,
  type ScanResult,
} from '../scan/scanner.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';
import { codeColumn } from './code-column.ts';
import type { GpuColumn } from './gpu-column.ts';
import { GpuScanner, MOST_CANDIDATES } from './gpu-scanner.ts';

/** Scans of each side in the trial, after one that warms it up. */
const TRIALS = 5;
/** Candidates of a scan in the trial. */
const CANDIDATES = 128;

/** A GPU for scans: absent where there is none, or where a processor plays it. */
export type OpenGpu = () => Promise<GPUDevice | undefined>;

/**
 * Scans columns on the GPU where that is faster than on the processor: copies them there, and times both. What is not there, as a column that
 * grows, is scanned by the processor meanwhile.
 */
export class GpuSearch {
  private readonly copies = new Map<VectorColumn, GpuColumn>();

  private constructor(
    private readonly gpu: GpuScanner,
    private readonly device: GPUDevice,
  ) {}

  /**
   * Tries a GPU out on columns.
   *
   * @param always - whether it is used even if it is slower: for tests.
   * @returns nothing where there is none, it cannot have the columns, or the processor is faster.
   */
  static async tryOut(
    open: OpenGpu,
    scanner: Scanner,
    columns: readonly VectorColumn[],
    plan: FunnelPlan | undefined,
    always = false,
  ): Promise<GpuSearch | undefined> {
    const device = await open().catch(() => undefined);
    if (!device) return undefined;
    let search: GpuSearch | undefined;
    try {
      search = new GpuSearch(await GpuScanner.create(device), device);
      search.take(columns);
      if (always || (await search.isFaster(scanner, columns, plan))) return search;
    } catch {
      // A GPU that cannot do it is none.
    }
    search?.dispose();
    device.destroy();
    return undefined;
  }

  /** Copies columns that are not there yet, and forgets those that are no more. @throws SternaError `limits`, `device-lost`. */
  take(columns: readonly VectorColumn[]): void {
    for (const [column, copy] of this.copies) {
      if (columns.includes(column)) continue;
      copy.dispose();
      this.copies.delete(column);
    }
    for (const column of columns) {
      if (this.copies.has(column) || column.length === 0) continue;
      this.copies.set(column, this.gpu.upload(codeColumn(column)));
    }
  }

  /** As `Scanner.scan`, columns that are copied on the GPU and the others by the processor. */
  async scan(
    scanner: Scanner,
    parts: readonly ScanPart[],
    query: ScanOptions & { readonly vector: Float32Array },
  ): Promise<ScanResult> {
    const places = parts.map((_, place) => place);
    const there = places.filter((place) => this.copies.has(parts[place].column));
    const others = places.filter((place) => !there.includes(place));
    if (query.candidates > MOST_CANDIDATES) return scanner.scan(parts, query);
    const copied = there.map((place) => ({
      column: this.copies.get(parts[place].column)!,
      mask: parts[place].mask,
    }));
    const onGpu = this.gpu.scan(copied, query);
    const onProcessor = scanner.scan(
      others.map((place) => parts[place]),
      query,
    );
    const results = [renumbered(await onGpu, there), renumbered(onProcessor, others)];
    return mergeScans(results, query.candidates);
  }

  dispose(): void {
    this.gpu.dispose();
    this.device.destroy();
    this.copies.clear();
  }

  private async isFaster(
    scanner: Scanner,
    columns: readonly VectorColumn[],
    plan: FunnelPlan | undefined,
  ): Promise<boolean> {
    const parts = columns.filter(({ length }) => length > 0).map((column) => ({ column }));
    const query = { vector: parts[0].column.row(0), candidates: CANDIDATES, planes: plan?.planes };
    const gpu: number[] = [];
    const processor: number[] = [];
    for (let trial = 0; trial <= TRIALS; trial++) {
      const start = performance.now();
      await this.scan(scanner, parts, query);
      const middle = performance.now();
      scanner.scan(parts, query);
      gpu.push(middle - start);
      processor.push(performance.now() - middle);
    }
    return median(gpu.slice(1)) < median(processor.slice(1));
  }
}

function renumbered(result: ScanResult, places: readonly number[]): ScanResult {
  return { ...result, columns: result.columns.map((column) => places[column]) };
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1];
}
