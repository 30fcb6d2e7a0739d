import type { Term } from './messages.ts';

/** A call of this tab until it is settled, which it is once, by whatever comes first. */
export class OpenCall<Work, Product> {
  readonly settled: Promise<Product>;
  /** Aborted when the call is settled, by its answer or otherwise. */
  readonly stop = new AbortController();
  /** The term that it was sent to, or absent where it waits for a leader. */
  sentTo?: Term;
  private resolve!: (product: Product) => void;
  private fail!: (reason: unknown) => void;
  /** What the caller was told of. */
  private done = 0;

  /**
   * @param number - other calls of this tab have other ones.
   * @param onProgress - told how much is done.
   */
  constructor(
    readonly number: number,
    readonly work: Work,
    private readonly onProgress?: (done: number) => void,
  ) {
    this.settled = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.fail = reject;
    });
  }

  /** Whether somebody wants to hear of progress. */
  get listens(): boolean {
    return this.onProgress !== undefined;
  }

  /** Tells of progress. What a second leader does again is not told again. */
  progress(done: number): void {
    if (this.stop.signal.aborted || done <= this.done) return;
    this.done = done;
    this.onProgress?.(done);
  }

  answer(product: Product): void {
    this.stop.abort();
    this.resolve(product);
  }

  reject(reason: unknown): void {
    this.stop.abort();
    this.fail(reason);
  }
}
