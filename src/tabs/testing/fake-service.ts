import { SternaError } from '../../errors.ts';
import type { Service, StartService } from '../service.ts';
import type { SharedService } from '../shared-service.ts';
import type { FakeTab } from './fake-browser.ts';

/** Milliseconds that a start, and a text, take. */
export const START_TIME = 100;
export const TEXT_TIME = 50;

/** A shared service that gives the lengths of texts; its report is a name, and the only stage of its start is "half". */
export type Counting = SharedService<readonly string[], number[], string, string>;

/** What a service should say of texts. */
export const lengthsOf = (texts: readonly string[]): number[] => texts.map(({ length }) => length);

/** Makes services, and says what becomes of them. */
export class FakeFactory {
  readonly services: FakeService[] = [];
  /** What was told of the service before, in order of the starts. */
  readonly reportsBefore: (string | undefined)[] = [];
  /** What starts end with instead. */
  failure?: Error;

  /** Services that neither were disposed of nor died with their tab. */
  get alive(): FakeService[] {
    return this.services.filter(({ isAlive, tab }) => isAlive && !tab.isDead);
  }

  start(tab: FakeTab): StartService<readonly string[], number[], string, string> {
    return async (signal, onProgress, before) => {
      this.reportsBefore.push(before);
      onProgress('half');
      await wait(tab, START_TIME);
      signal.throwIfAborted();
      if (this.failure) throw this.failure;
      const service = new FakeService(tab, `service ${this.services.length}`);
      this.services.push(service);
      return service;
    };
  }
}

/** A service whose answers come into its tab. */
export class FakeService implements Service<readonly string[], number[], string> {
  /** Calls that it began, those that it saw aborted, and those that it answered. */
  readonly seen: (readonly string[])[] = [];
  aborted = 0;
  answered = 0;
  isAlive = true;
  private fail: (error: Error) => void = () => {};
  private readonly ended = new Promise<never>((_, reject) => {
    this.fail = reject;
  });

  constructor(
    readonly tab: FakeTab,
    public report: string,
  ) {
    this.ended.catch(() => {});
  }

  async perform(
    texts: readonly string[],
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<number[]> {
    this.seen.push(texts);
    for (let i = 0; i < texts.length; i++) {
      await Promise.race([wait(this.tab, TEXT_TIME), this.ended]);
      if (signal?.aborted) this.aborted++;
      signal?.throwIfAborted();
      if (texts[i] === 'too long') throw new SternaError('text-too-long', 'Too long.');
      onProgress?.(i + 1);
    }
    this.answered++;
    return lengthsOf(texts);
  }

  dispose(): void {
    this.isAlive = false;
    this.fail(new SternaError('disposed', 'Disposed.'));
  }

  /** Its worker dies. */
  die(): void {
    this.isAlive = false;
    this.fail(new SternaError('worker', 'The worker failed.'));
  }
}

function wait(tab: FakeTab, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => tab.act(resolve), milliseconds);
  });
}
