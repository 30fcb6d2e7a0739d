import { SternaError } from '../../errors.ts';
import type { FunnelPlan } from '../funnel.ts';
import { GpuSearch, type OpenGpu } from '../gpu/gpu-search.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { VectorColumn } from '../vectors/vector-column.ts';

/** Fewer rows are scanned in less time than a GPU takes to answer. */
const GPU_ROWS = 200_000;

/** A GPU that scans the segments of a collection, while it is there and was measured to be faster than the processor. */
export class GpuShare {
  /** What scans on it. */
  search: GpuSearch | undefined;
  private rowsOfTrial = 0;

  /**
   * @param open - nothing where none is to be used.
   * @param leastRows - from which on it is tried out; 0 takes it whether it is faster or not, for tests.
   */
  constructor(
    private readonly scanner: Scanner,
    private readonly open: OpenGpu | undefined,
    private readonly leastRows = GPU_ROWS,
  ) {}

  /** Takes it into service when that is worth while, and brings it the columns that it lacks. */
  async take(columns: readonly VectorColumn[], plan: FunnelPlan | undefined): Promise<void> {
    if (this.search) {
      try {
        this.search.take(columns);
      } catch {
        this.leave();
      }
      return;
    }
    const { open, scanner, leastRows } = this;
    const rows = columns.reduce((sum, { length }) => sum + length, 0);
    // It is tried again when there is twice as much.
    if (!open || rows < leastRows || rows === 0 || rows < 2 * this.rowsOfTrial) return;
    this.rowsOfTrial = rows;
    this.search = await GpuSearch.tryOut(open, scanner, columns, plan, leastRows === 0);
  }

  leave(): void {
    this.search?.dispose();
    this.search = undefined;
  }
}

/** Whether something failed because of the GPU: the processor may do it then. */
export function isOfGpu(error: unknown): boolean {
  const codes: readonly string[] = ['device-lost', 'limits', 'wrong-results', 'disposed', 'no-webgpu'];
  return error instanceof SternaError && codes.includes(error.code);
}
