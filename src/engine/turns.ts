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

/**
 * Lets messages in, which a loop of promises alone would keep waiting. A message to oneself comes behind those that wait
 * already; a timer would do as well, but browsers make nested ones wait four milliseconds.
 */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    // Node has no such delay, and a port would keep its process alive.
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
