/** Milliseconds between two looks at what was heard. */
const LOOK = 125;
/** Milliseconds of silence after which the other side is suspected. A thread that is busy for half a second is not. */
const PATIENCE = 600;

/** What becomes of silence. */
export interface Questions {
  /** Asks the other side for a sign of life. */
  readonly ask: () => void;
  /** The other side is suspected: asks everybody, in case that it is another one by now. */
  readonly askAll: () => void;
  /** There was no sign of life. The watch begins anew then. */
  readonly giveUp: () => void;
}

/**
 * Watches whether another side that ought to be heard is still there. It is asked at each look; after {@link PATIENCE} it is suspected,
 * and given up at the look after that: 0.7 to 1 s after it was last heard, as looks fall.
 *
 * Only time in which this thread listened counts as silence. One that was itself away finds answers waiting, behind its own timer, so
 * a single look never uses up all patience, however late it is.
 */
export class Watch {
  private timer?: ReturnType<typeof setTimeout>;
  /** Milliseconds that nothing was heard for, up to `last`. */
  private silence = 0;
  /** When something was heard, or looked for. */
  private last = 0;
  private isSuspected = false;

  /** @param chance - from 0 to 1: how much later than others this side gives up, so that not all do at once. */
  constructor(
    private readonly questions: Questions,
    private readonly chance = Math.random(),
  ) {}

  /** Begins to watch, unless it does. */
  start(): void {
    if (this.timer !== undefined) return;
    this.heard();
    this.lookIn(LOOK);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** There was a sign of life. */
  heard(): void {
    this.silence = 0;
    this.last = performance.now();
    this.isSuspected = false;
  }

  private lookIn(milliseconds: number): void {
    this.timer = setTimeout(() => this.look(), milliseconds);
  }

  private look(): void {
    const { ask, askAll, giveUp } = this.questions;
    if (this.isSuspected) {
      this.heard();
      this.lookIn(LOOK);
      giveUp();
      return;
    }
    const now = performance.now();
    this.silence += Math.min(now - this.last, PATIENCE - LOOK);
    this.last = now;
    this.isSuspected = this.silence >= PATIENCE;
    this.lookIn(this.isSuspected ? LOOK * (1 + this.chance) : LOOK);
    if (this.isSuspected) askAll();
    else ask();
  }
}
