import { describeError } from '../describe-error.ts';
import { SternaError } from '../errors.ts';
import type { Reply } from '../reply.ts';
import type { Locks } from './leadership.ts';
import type { Abort, Call, Message, Ready, Starting, Term } from './messages.ts';
import type { Post } from './post.ts';
import type { Service, StartService } from './service.ts';

/** What a term needs of its tab. */
export interface ReignOptions<Work, Product, Report, Loading> {
  readonly term: Term;
  readonly post: Post<Message<Work, Product, Report, Loading>>;
  readonly locks: Locks;
  /** The name of the lock that a tab holds for as long as it takes part. */
  readonly presenceOf: (tab: string) => string;
  /** Whether an error of a call says that the service will answer no call any more. */
  readonly isDeath: (error: unknown) => boolean;
  /** The service has died; calls under way were answered with this error. */
  readonly died: (error: unknown) => void;
}

/** One term of a tab as the leader: it starts a service, tells the other tabs of it, and answers their calls. */
export class Reign<Work, Product, Report, Loading> {
  readonly term: Term;
  service?: Service<Work, Product, Report>;
  /** Calls of other tabs under way. */
  private readonly calls = new Map<
    string,
    { readonly message: Call<Work>; readonly stop: AbortController }
  >();
  /** Tabs whose end is listened for. */
  private readonly tabs = new Set<string>();
  private readonly ending = new AbortController();

  constructor(private readonly options: ReignOptions<Work, Product, Report, Loading>) {
    this.term = options.term;
    options.post.tell(this.state());
  }

  /**
   * Starts the service, and tells everybody.
   *
   * @param before - report of the service before it, where one is known.
   * @throws what `start` throws, and the reason of the end where the term ends before.
   */
  async begin(
    start: StartService<Work, Product, Report, Loading>,
    before: Report | undefined,
    told: (progress: Loading) => void,
  ): Promise<Service<Work, Product, Report>> {
    const { signal } = this.ending;
    const onProgress = (progress: Loading) => {
      if (signal.aborted) return;
      this.options.post.tell({ type: 'starting', term: this.term, progress });
      told(progress);
    };
    const service = await start(signal, onProgress, before);
    if (signal.aborted) {
      service.dispose();
      throw signal.reason;
    }
    this.service = service;
    this.options.post.tell(this.state());
    return service;
  }

  /** Answers a tab that looks for the leader. */
  greet(tab: string): void {
    this.options.post.send(tab, this.state());
  }

  /** Answers a call. One that is under way already, or came before the service, is passed over: its tab sends it when told. */
  async serve(message: Call<Work>): Promise<void> {
    const { from, call, work, progress } = message;
    const key = keyOf(message);
    if (!this.service || this.calls.has(key)) return;
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
      const value = await this.service.perform(work, stop.signal, progress ? told : undefined);
      if (isUnderWay()) this.answer(message, { ok: true, value });
    } catch (error) {
      if (!isUnderWay()) return;
      this.refuse(message, error);
      if (this.options.isDeath(error)) this.options.died(error);
    }
  }

  /** Nobody waits for a call any more. */
  abort(message: Abort): void {
    const key = keyOf(message);
    this.calls.get(key)?.stop.abort();
    this.calls.delete(key);
  }

  /**
   * Ends the term and its service.
   *
   * @param error - what calls under way are answered; absent: nothing, as the next leader will be asked.
   */
  end(error?: Error): void {
    if (error) for (const { message } of this.calls.values()) this.refuse(message, error);
    this.calls.clear();
    this.options.post.tell({ type: 'ended', term: this.term });
    this.ending.abort(
      new SternaError('disposed', 'This tab does not lead any more; the next one takes over.'),
    );
    this.service?.dispose();
  }

  private state(): Starting<Loading> | Ready<Report> {
    const { service, term } = this;
    return service ? { type: 'ready', term, report: service.report } : { type: 'starting', term };
  }

  private answer(message: Call<Work>, reply: Reply<Product>): void {
    const { from, call } = message;
    const { report } = this.service!;
    this.options.post.send(from, { type: 'answer', term: this.term, call, reply, report });
    this.calls.delete(keyOf(message));
  }

  private refuse(message: Call<Work>, error: unknown): void {
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
