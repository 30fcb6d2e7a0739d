import type { Priority } from '../types.ts';

/**
 * Lets one at a time run: interactive ones first, and otherwise in order of arrival. A long call takes a turn for each of
 * its micro-batches, so what somebody waits for comes after one micro-batch at most.
 */
export class Turns {
  private readonly interactive: (() => Promise<void>)[] = [];
  private readonly background: (() => Promise<void>)[] = [];
  private running = false;

  take<T>(priority: Priority, run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this[priority].push(() => run().then(resolve, reject));
      if (!this.running) void this.runAll();
    });
  }

  private async runAll(): Promise<void> {
    this.running = true;
    for (;;) {
      // Whoever has asked while the last turn ran comes before the next one of the background, and an abort is heard.
      await breathe();
      const turn = this.interactive.shift() ?? this.background.shift();
      if (!turn) break;
      await turn();
    }
    this.running = false;
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
