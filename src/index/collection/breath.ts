/** Milliseconds of work between two pauses: what a search may have to wait. */
const STRETCH = 12;

/** Lets other things happen now and then during long work: a search, or a message. */
export class Breath {
  private last = performance.now();

  /** Whether it is time for a pause. */
  get isDue(): boolean {
    return performance.now() - this.last > STRETCH;
  }

  /** Waits for a turn of the event loop. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.last = performance.now();
  }
}
