/**
 * Lets one at a time run, in order of arrival. A long call takes a turn for each of its micro-batches, so a short
 * one that comes later waits for one micro-batch only.
 */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  take<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.last.then(run);
    this.last = turn.catch(() => {});
    return turn;
  }
}

/** Lets messages and timers in, which a loop of promises alone would keep waiting. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
