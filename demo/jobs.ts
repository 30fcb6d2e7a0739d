import { hideError, showError } from './errors.ts';
import { element, showStatus } from './view.ts';

/** Long work on the index: one piece after another, and all of it can be cancelled. */
export class Jobs {
  private last: Promise<void> = Promise.resolve();
  private controller = new AbortController();
  private waiting = 0;

  /** @param onEnd - called after each piece, however it ended. */
  constructor(private readonly onEnd: () => Promise<void>) {
    element('cancel').addEventListener('click', () => this.cancel());
  }

  /**
   * Does a piece of work when those before it are done. Its errors are shown here.
   *
   * @param work - settles with what is to be said at the end.
   */
  run(work: (signal: AbortSignal) => Promise<string>): Promise<void> {
    const { signal } = this.controller;
    this.showBusy(++this.waiting);
    this.last = this.last.then(async () => {
      try {
        hideError();
        showStatus(await work(signal), 1);
      } catch (error) {
        if (signal.aborted) showStatus('Cancelled.', 1);
        else showError(error);
      } finally {
        this.showBusy(--this.waiting);
        await this.onEnd().catch(showError);
      }
    });
    return this.last;
  }

  private cancel(): void {
    this.controller.abort();
    this.controller = new AbortController();
  }

  /** While there is work there is something to cancel, and vectors stay as they are. */
  private showBusy(pieces: number): void {
    element('cancel').hidden = pieces === 0;
    element<HTMLFieldSetElement>('dimensions').disabled = pieces > 0;
    element<HTMLButtonElement>('clear').disabled = pieces > 0;
  }
}
