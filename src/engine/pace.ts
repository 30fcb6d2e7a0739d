/** How long a micro-batch should take: what a query typed during indexing waits for, and an abort. In milliseconds. */
const TARGET = 150;

/** The first micro-batch, before anything is known about the device. */
const FIRST = 256;

/**
 * Chooses how many tokens a micro-batch holds: as many as the device does in 150 ms, judged by the last ones. How
 * texts are batched has no influence on their vectors, so this may follow the clock.
 */
export class Pace {
  private rate: number | undefined;

  /** @param most - tokens of a micro-batch at most. */
  constructor(private readonly most: number) {}

  /** Tokens of the next micro-batch. */
  get budget(): number {
    if (this.rate === undefined) return Math.min(FIRST, this.most);
    return Math.min(this.most, Math.max(64, Math.round(this.rate * TARGET)));
  }

  /** Tokens a second, of late; 0 before the first micro-batch. */
  get tokensPerSecond(): number {
    return (this.rate ?? 0) * 1000;
  }

  /** Learns from a micro-batch. */
  record(tokens: number, milliseconds: number): void {
    const rate = tokens / Math.max(milliseconds, 0.1);
    this.rate = this.rate === undefined ? rate : 0.7 * this.rate + 0.3 * rate;
  }
}
