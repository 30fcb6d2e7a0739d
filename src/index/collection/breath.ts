/** Milliseconds of work between two pauses: what a search may have to wait. */
const STRETCH = 12;

/** What work that can wait takes heed of. */
export interface BreathOptions {
  /** Whether the work is still wanted. */
  readonly signal?: AbortSignal;
  /** What goes first: the work goes on when it has settled. */
  readonly giveWay?: () => Promise<unknown> | undefined;
}

/** Lets other things happen now and then during long work: a search, or a message. */
export class Breath {
  private last = performance.now();

  constructor(private readonly options: BreathOptions = {}) {}

  /** Whether it is time for a pause. */
  get isDue(): boolean {
    return performance.now() - this.last > STRETCH;
  }

  /** Waits for a turn of the event loop. @throws the reason of the signal, where the work is not wanted any more. */
  async pause(): Promise<void> {
    const { signal, giveWay } = this.options;
    await new Promise((resolve) => setTimeout(resolve));
    await giveWay?.();
    signal?.throwIfAborted();
    this.last = performance.now();
  }
}
