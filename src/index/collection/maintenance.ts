import { SternaError } from '../../errors.ts';
import { planFunnel } from '../plan-funnel.ts';
import type { Scanner } from '../scan/scanner.ts';
import { Breath } from './breath.ts';
import { FrozenPart } from './frozen-part.ts';
import type { GpuShare } from './gpu-share.ts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';
import { segmentsToMerge } from './tiers.ts';
import type { Turns } from './turns.ts';

/** When the head becomes a segment. */
export interface SealLimits {
  readonly rows: number;
  /** Bytes of the journal. */
  readonly bytes: number;
}

const SEAL: SealLimits = { rows: 8192, bytes: 32 * 2 ** 20 };

/** What maintenance works with. */
export interface MaintenanceMeans {
  readonly store: Store;
  /** Of all that changes the store. */
  readonly turns: Turns;
  readonly scanner: Scanner;
  readonly gpu: GpuShare;
}

/**
 * Keeps a collection in shape: the head is sealed when it is full, segments of one size are merged, how to search them is measured.
 *
 * ```
 *   turns:   batch  batch  seal  batch  batch  swap  batch ...
 *   beside:         [ the merged segment is written ]
 * ```
 *
 * Sealing is short and takes a turn among the batches. Merging is long: it goes on beside them, and only the segments change places in a turn.
 * There is one merge at a time.
 */
export class Maintenance {
  /** Why the last sealing or merging did not work; nothing where it did. What was acknowledged is in the journal, so it can wait for the next batch. */
  failure: unknown;
  private isDue = false;
  /** The merge or the compaction that goes on. */
  private merging: Promise<unknown> | undefined;
  private compactions = 0;
  private readonly ending = new AbortController();

  constructor(
    private readonly means: MaintenanceMeans,
    private readonly limits = SEAL,
  ) {}

  /** Does what is to be done, when the batches that wait are done. */
  soon(): void {
    if (this.isDue) return;
    this.isDue = true;
    const turn = this.means.turns.take(async () => {
      this.isDue = false;
      this.failure = undefined;
      await this.maintain();
    });
    turn.catch((error) => this.note(error));
  }

  /**
   * Seals the head, and merges all segments into one, without the documents that were removed before. Batches that come meanwhile stay in the head.
   *
   * @throws SternaError `corrupt-file`, `storage-full`, `storage`, `limits`.
   */
  async compact(): Promise<void> {
    const { store, turns } = this.means;
    // Until all is merged, so that nothing else is sealed.
    this.compactions++;
    try {
      await this.alone(async () => {
        await turns.take(() => store.seal());
        if (!isCompact(store.segments)) await this.merge(store.segments);
        // An export seals, too.
        while (store.segments.length > 1) await this.merge(store.segments);
        await turns.take(() => this.planAnew());
      });
    } finally {
      this.compactions--;
    }
    this.soon();
  }

  /** Settles when nothing is going on. */
  async idle(): Promise<void> {
    const { turns } = this.means;
    for (let before: unknown; before !== turns.done || this.merging; ) {
      before = turns.done;
      await before;
      await this.merging?.catch(() => {});
    }
  }

  /** Ends the merge under way, whose work is lost, and begins no other. Compactions are not ended. */
  end(): void {
    const words = 'The index was closed; what was being merged is merged later.';
    this.ending.abort(new SternaError('disposed', words));
  }

  private note(error: unknown): void {
    if (error !== this.ending.signal.reason) this.failure = error;
  }

  /** What takes turns of maintenance; merging is begun at its end. */
  private async maintain(): Promise<void> {
    const { store } = this.means;
    if (store.isHeld) return;
    const { rows = 0 } = store.documents.head ?? {};
    const isFull = rows >= this.limits.rows || store.journalBytes >= this.limits.bytes;
    if (isFull && this.compactions === 0) await this.sealAndPlan();
    await this.bringToGpu();
    // Batches that come one on the heels of the other, into a folder that answers at once, would never let a merge go on.
    if (this.merging) await new Breath().pause();
    if (this.merging) return;
    this.alone(() => this.mergeWhatIsDue()).catch((error) => this.note(error));
  }

  private async sealAndPlan(): Promise<void> {
    const { store } = this.means;
    await store.seal();
    const rows = store.segments.reduce((sum, segment) => sum + segment.rows, 0);
    if (rows >= 2 * (store.state.plan?.rows ?? 0)) await this.planAnew();
  }

  private async mergeWhatIsDue(): Promise<void> {
    const { store } = this.means;
    const { signal } = this.ending;
    while (!store.isHeld && !signal.aborted && this.compactions === 0) {
      const { segments } = store;
      const places = segmentsToMerge(
        segments.map(({ rows, bytes, ids }) => ({ rows, bytes, documents: ids.length, kept: ids.size })),
      );
      if (!places) return;
      await this.merge(
        places.map((place) => segments[place]),
        signal,
      );
    }
  }

  /** Does something as the only merge. */
  private async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.merging) await this.merging.catch(() => {});
    const working = work();
    this.merging = working;
    try {
      return await working;
    } finally {
      this.merging = undefined;
    }
  }

  /** Writes segments as one, and puts it in their place. */
  private async merge(old: readonly Segment[], signal?: AbortSignal): Promise<void> {
    const { store, turns } = this.means;
    const parts = old.map((segment) => new FrozenPart(segment));
    // A batch waits for a seal, and nobody for a merge.
    const breath = new Breath({ signal, giveWay: () => store.sealing });
    const merged = parts.some(({ ids }) => ids.size > 0) ? await store.write(parts, breath) : undefined;
    await turns.take(async () => {
      await store.replace(old, parts, merged);
      await this.bringToGpu();
    });
  }

  private async planAnew(): Promise<void> {
    const { store, scanner } = this.means;
    const parts = store.segments.filter((segment) => segment.rows > 0);
    if (parts.length === 0) return;
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    await store.planBy({ ...planFunnel(scanner, parts), rows });
  }

  private bringToGpu(): Promise<void> {
    const { store, gpu } = this.means;
    const columns = store.segments.map(({ codes }) => codes);
    return gpu.take(columns, store.state.plan);
  }
}

function isCompact(segments: readonly Segment[]): boolean {
  return segments.length === 0 || (segments.length === 1 && segments[0].ids.size === segments[0].ids.length);
}
