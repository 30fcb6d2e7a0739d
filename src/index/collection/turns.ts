/** Does what it is given one after another, in the order in which it was asked. What fails holds nothing up. */
export class Turns {
  /** Settles when all that was asked for so far is done. */
  done: Promise<unknown> = Promise.resolve();

  /** @returns what the work returns, when it was its turn. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.done.then(work);
    this.done = turn.catch(() => {});
    return turn;
  }
}
