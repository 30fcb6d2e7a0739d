/** A pause ends so long after its owner was last heard of, in milliseconds: one that has died does not keep others waiting. */
const LEASE = 8_000;
/** It ends after so long whatever its owner says, in milliseconds. */
const MOST = 60_000;
/** How often the owner is to be heard of, in milliseconds. */
export const PAUSE_BEAT = LEASE / 4;

/** Lets those wait who would change the documents, while somebody who compares them needs them to stay as they are. */
export class WritePause {
  private pause:
    | {
        readonly owner: string;
        /** Milliseconds since 1970. */
        readonly until: number;
        readonly over: Promise<void>;
        readonly end: () => void;
        timer?: ReturnType<typeof setTimeout>;
      }
    | undefined;

  /** Settles when the pause is over; absent while there is none. */
  get over(): Promise<void> | undefined {
    return this.pause?.over;
  }

  /** Begins a pause, or goes on with it. Where somebody else has one, nothing changes. */
  begin(owner: string): void {
    if (!this.pause) {
      const { promise: over, resolve: end } = withResolvers();
      this.pause = { owner, until: Date.now() + MOST, over, end };
    }
    if (this.pause.owner === owner) this.renew();
  }

  /** Its owner was heard of. */
  renew(): void {
    const { pause } = this;
    if (!pause) return;
    clearTimeout(pause.timer);
    pause.timer = setTimeout(() => this.end(pause.owner), Math.min(LEASE, pause.until - Date.now()));
  }

  /** Ends an owner's pause. */
  end(owner: string): void {
    if (this.pause?.owner === owner) this.dispose();
  }

  /** Ends any pause. */
  dispose(): void {
    clearTimeout(this.pause?.timer);
    this.pause?.end();
    this.pause = undefined;
  }
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
