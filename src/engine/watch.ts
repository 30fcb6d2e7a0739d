/** Milliseconds between two looks at the clock. */
const TICK = 250;
/** Milliseconds of silence after which the other side is asked, and after which without an answer it is given up. */
const PATIENCE = 1000;
/** Ticks that a question stays open at least. A thread that was itself away finds answers waiting, behind its own timer. */
const FEWEST_TICKS = 2;

/** Watches whether another side that ought to be heard is still there: it is asked first, and given up then. */
export class Watch {
  private timer?: ReturnType<typeof setInterval>;
  /** When it was last heard, or asked. */
  private last = 0;
  /** Ticks since it was asked; nothing when it was not. */
  private asked?: number;

  /**
   * @param ask - asks for a sign of life.
   * @param giveUp - there was none. The watch begins anew then.
   * @param chance - from 0 to 1: how much later than others this side gives up, so that not all do at once.
   */
  constructor(
    private readonly ask: () => void,
    private readonly giveUp: () => void,
    private readonly chance = Math.random(),
  ) {}

  /** Begins to watch, unless it does. */
  start(): void {
    if (this.timer !== undefined) return;
    this.heard();
    this.timer = setInterval(() => this.tick(), TICK);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** There was a sign of life. */
  heard(): void {
    this.last = performance.now();
    this.asked = undefined;
  }

  private tick(): void {
    const silence = performance.now() - this.last;
    if (this.asked === undefined) {
      if (silence < PATIENCE) return;
      this.heard();
      this.asked = 0;
      this.ask();
    } else if (++this.asked >= FEWEST_TICKS && silence >= PATIENCE + TICK * this.chance) {
      this.heard();
      this.giveUp();
    }
  }
}
