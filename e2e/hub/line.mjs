/** A line of a given speed that all answers share: whoever sends waits for its turn. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits shorter than this are left to the next one: timers are no finer. */
const LEAST_WAIT = 4;

export class Line {
  /** When all that was handed over will be through, in milliseconds. */
  #free = 0;

  /** @param {number} bytesPerSecond */
  constructor(bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Bytes to hand over at a time: a twentieth of a second's. */
  get portion() {
    return Math.max(1, Math.min(65536, Math.floor(this.bytesPerSecond / 20)));
  }

  /** Resolves when the line has taken so many bytes. */
  async take(count, signal) {
    const now = performance.now();
    this.#free = Math.max(now, this.#free) + (1000 * count) / this.bytesPerSecond;
    const wait = this.#free - now;
    if (wait >= LEAST_WAIT) await sleep(wait, undefined, { signal });
  }
}
