import type { Reply } from '../../workers/protocol.ts';
import { SternaError } from '../errors.ts';
import type { EmbedderReport, LoadProgress } from '../types.ts';
import { describeError } from './error-message.ts';
import type { Locks } from './leadership.ts';
import type { EngineLink } from './link.ts';
import type { Post } from './post.ts';
import type { Abort, Call, Loading, Ready, Term } from './tab-messages.ts';
import { type Product, perform } from './work.ts';

/**
 * Starts an engine.
 *
 * @param like - what an engine before it was: device and precision should be the same, so that vectors have the same bits.
 */
export type StartEngine = (
  signal: AbortSignal,
  onProgress: (progress: LoadProgress) => void,
  like?: EmbedderReport,
) => Promise<EngineLink>;

/** What a term needs of its tab. */
export interface ReignOptions {
  readonly term: Term;
  readonly post: Post;
  readonly locks: Locks;
  /** The name of the lock that a tab holds for as long as it takes part. */
  readonly presenceOf: (tab: string) => string;
  /** The engine has died; calls under way were answered with this error. */
  readonly died: (error: Error) => void;
}

/** Whether an error says that the engine will answer no call any more. */
export function isDeath(error: unknown): error is SternaError {
  return error instanceof SternaError && error.code === 'worker';
}

/** One term of a tab as the leader: it loads an engine, tells the other tabs of it, and answers their calls. */
export class Reign {
  readonly term: Term;
  engine?: EngineLink;
  /** Calls of other tabs under way. */
  private readonly calls = new Map<string, { readonly message: Call; readonly stop: AbortController }>();
  /** Tabs whose end is listened for. */
  private readonly tabs = new Set<string>();
  private readonly ending = new AbortController();

  constructor(private readonly options: ReignOptions) {
    this.term = options.term;
    options.post.tell(this.state());
  }

  /**
   * Loads the engine, and tells everybody.
   *
   * @param like - what the engine before it was, where one is known.
   * @throws what `start` throws, and the reason of the end where the term ends before.
   */
  async load(
    start: StartEngine,
    like: EmbedderReport | undefined,
    told: (progress: LoadProgress) => void,
  ): Promise<EngineLink> {
    const { signal } = this.ending;
    const onProgress = (progress: LoadProgress) => {
      if (signal.aborted) return;
      this.options.post.tell({ type: 'loading', term: this.term, progress });
      told(progress);
    };
    const engine = await start(signal, onProgress, like).catch((error) => {
      if (!like || signal.aborted) throw error;
      // Here may be no such device; vectors that differ in their last bits are better than none.
      return start(signal, onProgress);
    });
    if (signal.aborted) {
      engine.dispose();
      throw signal.reason;
    }
    this.engine = engine;
    this.options.post.tell(this.state());
    return engine;
  }

  /** Answers a tab that looks for the leader. */
  greet(tab: string): void {
    this.options.post.send(tab, this.state());
  }

  /** Answers a call. One that is under way already, or came before the engine, is passed over: its tab sends it when told. */
  async serve(message: Call): Promise<void> {
    const { from, call, work, progress } = message;
    const key = keyOf(message);
    if (!this.engine || this.calls.has(key)) return;
    const { post } = this.options;
    const { term } = this;
    const stop = new AbortController();
    const entry = { message, stop };
    // A call that was given up can be here again, with the same number.
    const isUnderWay = () => this.calls.get(key) === entry;
    this.calls.set(key, entry);
    this.listenForEndOf(from);
    const told = (done: number) => {
      if (isUnderWay()) post.send(from, { type: 'progress', term, call, done });
    };
    try {
      const value = await perform(this.engine, work, stop.signal, progress ? told : undefined);
      if (isUnderWay()) this.answer(message, { ok: true, value });
    } catch (error) {
      if (!isUnderWay()) return;
      this.refuse(message, error);
      if (isDeath(error)) this.options.died(error);
    }
  }

  /** Nobody waits for a call any more. */
  abort(message: Abort): void {
    const key = keyOf(message);
    this.calls.get(key)?.stop.abort();
    this.calls.delete(key);
  }

  /**
   * Ends the term and its engine.
   *
   * @param error - what calls under way are answered; absent: nothing, as the next leader will be asked.
   */
  end(error?: Error): void {
    if (error) for (const { message } of this.calls.values()) this.refuse(message, error);
    this.calls.clear();
    this.options.post.tell({ type: 'ended', term: this.term });
    this.ending.abort(
      new SternaError('disposed', 'This tab does not lead any more; the next one loads the model.'),
    );
    this.engine?.dispose();
  }

  private state(): Loading | Ready {
    const { engine, term } = this;
    return engine ? { type: 'ready', term, report: engine.report } : { type: 'loading', term };
  }

  private answer(message: Call, reply: Reply<Product>): void {
    const { from, call } = message;
    this.options.post.send(from, { type: 'answer', term: this.term, call, reply });
    this.calls.delete(keyOf(message));
  }

  private refuse(message: Call, error: unknown): void {
    this.answer(message, { ok: false, error: describeError(error) });
  }

  /** A tab holds a lock while it takes part, so whoever else gets it knows that the tab is gone, however it went. */
  private listenForEndOf(tab: string): void {
    if (this.tabs.has(tab)) return;
    this.tabs.add(tab);
    const { locks, presenceOf, post } = this.options;
    const gone = async () => {
      this.tabs.delete(tab);
      for (const { message } of this.calls.values())
        if (message.from === tab) this.abort({ ...message, type: 'abort' });
      post.forget(tab);
    };
    locks.request(presenceOf(tab), { signal: this.ending.signal }, gone).catch(() => {});
  }
}

const keyOf = ({ from, call }: { readonly from: string; readonly call: number }) => `${from} ${call}`;
