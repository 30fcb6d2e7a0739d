/** What is used of a LockManager. */
export interface Locks {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    callback: () => Promise<void>,
  ): Promise<unknown>;
}

interface Attempt {
  readonly withdraw: AbortController;
  readonly release: () => void;
  leads: boolean;
}

/**
 * A place that one tab of an origin holds at a time, and others queue for. It is a lock: the browser gives it to the next
 * one when its holder resigns, and also when the holder's tab is closed or dies.
 */
export class Leadership {
  private attempt?: Attempt;

  /**
   * @param elected - the place is this tab's. Where the browser has no locks for this page it is so at once, as nobody else
   *   can be asked.
   * @param deposed - another tab has taken it away.
   */
  constructor(
    private readonly locks: Locks,
    private readonly name: string,
    private readonly elected: () => void,
    private readonly deposed: () => void = () => {},
  ) {}

  /** Queues for the place, unless it is held or queued for already. */
  stand(): void {
    if (!this.attempt) this.request(false);
  }

  /** Takes the place from whoever holds it, before all who queue for it. */
  seize(): void {
    this.resign();
    this.request(true);
  }

  /** Gives the place back, or leaves the queue. */
  resign(): void {
    const { attempt } = this;
    this.attempt = undefined;
    attempt?.withdraw.abort();
    attempt?.release();
  }

  private request(steal: boolean): void {
    const withdraw = new AbortController();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const attempt: Attempt = { withdraw, release, leads: false };
    this.attempt = attempt;
    const win = () => {
      attempt.leads = true;
      this.elected();
    };
    // The two options exclude each other.
    this.locks
      .request(this.name, steal ? { steal } : { signal: withdraw.signal }, async () => {
        if (this.attempt !== attempt) return;
        win();
        await released;
      })
      .catch(() => {
        if (this.attempt !== attempt) return;
        if (!attempt.leads) return win();
        this.attempt = undefined;
        this.deposed();
      });
  }
}
