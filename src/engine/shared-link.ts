import { SternaError } from '../errors.ts';
import type { Passage } from '../text/chunk.ts';
import type { EmbedderReport, LoadProgress } from '../types.ts';
import { reviveError } from './error-message.ts';
import { Leadership, type Locks } from './leadership.ts';
import type { EmbeddedTexts, EmbedRequest, EngineLink } from './link.ts';
import { OpenCall } from './open-call.ts';
import { type OpenChannel, Post } from './post.ts';
import { isDeath, Reign, type StartEngine } from './reign.ts';
import { type FromLeader, type Letter, type Notice, sameTerm, type Term } from './tab-messages.ts';
import { Watch } from './watch.ts';
import { type Product, perform, type Work } from './work.ts';

/** What tabs find each other by. */
export interface Meeting {
  readonly locks: Locks;
  readonly openChannel: OpenChannel;
  /** Where the browser says that the page is put aside and comes back: its window. */
  readonly page?: EventTarget;
}

/** How to share. */
export interface SharedOptions extends Meeting {
  /** The same in all tabs that share. */
  readonly name: string;
  /** Starts an engine, should this tab be the leader. */
  readonly start: StartEngine;
}

/** When the browser puts a page aside, and when it comes back. Frozen pages keep their locks in some browsers. */
const ASIDE = ['pagehide', 'freeze'];
const BACK = ['pageshow', 'resume'];

/**
 * An engine that all tabs of an origin have together. One tab is the leader: its engine computes for all. The others send
 * it their calls, and keep each until it is answered. When the leader goes, the next in the queue of a lock becomes the leader
 * and loads the model, and every tab sends what is unanswered again.
 *
 * ```
 *   tab A, leader                       tab B                       tab C
 *   Reign ── engine ◀── own calls       OpenCalls                   OpenCalls
 *     ▲ │                                │ ▲                         │ ▲
 *     │ └───────── progress, answer ─────│─┴─────────────────────────│─┘
 *     └─────────── call, abort ──────────┴───────────────────────────┘
 * ```
 *
 * A leader that is silent while calls wait for it is asked, and after another second of silence the lock is taken from it.
 */
export class SharedLink implements EngineLink {
  report!: EmbedderReport;
  /**
   * Another one each time that this tab takes part: the lock of the former one may be granted to a leader that hangs, and so
   * never come back.
   */
  private self = '';
  /** Unanswered, oldest first. */
  private readonly calls = new Map<number, OpenCall>();
  private numbers = 0;
  /** Held while this tab takes part: the leader sees by it when the tab goes. */
  private presence?: Leadership;
  private readonly leadership: Leadership;
  private readonly watch: Watch;
  /** Absent while this tab takes no part. */
  private post?: Post;
  /** Set while this tab leads. */
  private reign?: Reign;
  /** The leader as far as it is known, when it is another tab. */
  private leader?: Term;
  private leaderIsReady = false;
  /** The latest beginning of a term that was heard of. */
  private since = 0;
  /** Terms that are over; letters of them may still be on their way. */
  private readonly ended: Term[] = [];
  /** What calls are refused with, once this tab has ended its part. */
  private disposed?: SternaError;
  /** Somebody waits for the load. */
  private joining?: {
    readonly told: (progress: LoadProgress) => void;
    readonly done: () => void;
    readonly failed: (error: unknown) => void;
  };

  private constructor(private readonly options: SharedOptions) {
    const { locks, page } = options;
    this.leadership = new Leadership(
      locks,
      options.name,
      () => this.elected(),
      () => this.deposed(),
    );
    this.watch = new Watch(
      () => this.lookForLeader(),
      () => this.leadership.seize(),
    );
    for (const type of ASIDE) page?.addEventListener(type, this.leave, true);
    for (const type of BACK) page?.addEventListener(type, this.enter, true);
    this.enter();
  }

  /**
   * Takes part, and waits until there is an engine.
   *
   * @throws as the engine's load, where it is this tab that loads it; the signal's reason when it is aborted.
   */
  static async join(
    options: SharedOptions,
    signal?: AbortSignal,
    onProgress?: (progress: LoadProgress) => void,
  ): Promise<SharedLink> {
    signal?.throwIfAborted();
    const link = new SharedLink(options);
    try {
      await link.joined(signal, onProgress);
      return link;
    } catch (error) {
      link.dispose();
      throw error;
    }
  }

  async embed(
    inputs: readonly (string | ArrayLike<number>)[],
    request: EmbedRequest,
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<EmbeddedTexts> {
    // They may have to be sent a second time, when the caller's arrays hold something else.
    const kept = inputs.map((one) => (typeof one === 'string' ? one : Array.from(one)));
    return this.call({ kind: 'embed', inputs: kept, request }, signal, onProgress);
  }

  async chunk(texts: readonly string[], maxTokens: number, signal?: AbortSignal): Promise<Passage[][]> {
    return this.call({ kind: 'chunk', texts: [...texts], maxTokens }, signal);
  }

  /** Ends this tab's part. Other tabs go on, with another leader if this was it. */
  dispose(): void {
    const { page } = this.options;
    for (const type of ASIDE) page?.removeEventListener(type, this.leave, true);
    for (const type of BACK) page?.removeEventListener(type, this.enter, true);
    this.leave();
    this.disposed = new SternaError('disposed', 'This embedder was disposed; make a new one.');
    this.rejectAll(this.disposed);
  }

  private joined(signal?: AbortSignal, onProgress?: (progress: LoadProgress) => void): Promise<void> {
    let isReady = false;
    let stop = () => {};
    const joined = new Promise<void>((resolve, failed) => {
      const told = (progress: LoadProgress) => {
        isReady ||= progress.phase === 'ready';
        onProgress?.(progress);
      };
      const done = () => {
        const { adapter, device } = this.report;
        if (!isReady) told({ phase: 'ready', item: adapter || device, loaded: 1, total: 1 });
        resolve();
      };
      this.joining = { told, done, failed };
      stop = () => failed(signal!.reason);
      signal?.addEventListener('abort', stop);
    });
    return joined.finally(() => {
      signal?.removeEventListener('abort', stop);
      this.joining = undefined;
      this.mind();
    });
  }

  /** Begins to take part, once the lock that says so is held. */
  private readonly enter = (): void => {
    if (this.presence) return;
    this.self = crypto.randomUUID();
    this.presence = new Leadership(this.options.locks, this.presenceOf(this.self), () => this.takePart());
    this.presence.stand();
  };

  private takePart(): void {
    const { openChannel, name } = this.options;
    this.post = new Post(openChannel, name, this.self, (message) => this.hear(message));
    this.leadership.stand();
    this.lookForLeader();
    this.mind();
  }

  /** Takes no part any more, and leaves the lead to others; calls under way wait for the return. */
  private readonly leave = (): void => {
    this.endReign();
    this.follow(undefined);
    this.leadership.resign();
    this.watch.stop();
    this.post?.close();
    this.post = undefined;
    this.presence?.resign();
    this.presence = undefined;
  };

  private async call<T extends Product>(
    work: Work,
    signal?: AbortSignal,
    onProgress?: (done: number) => void,
  ): Promise<T> {
    if (this.disposed) throw this.disposed;
    signal?.throwIfAborted();
    const call = new OpenCall(++this.numbers, work, onProgress);
    this.calls.set(call.number, call);
    const abort = () => this.abort(call, signal!.reason);
    signal?.addEventListener('abort', abort);
    // A tab whose load failed does not queue any more; a call makes it try again.
    if (this.post) this.leadership.stand();
    this.mind();
    this.dispatch(call);
    return call.settled.finally(() => {
      signal?.removeEventListener('abort', abort);
      this.calls.delete(call.number);
      this.mind();
    }) as Promise<T>;
  }

  private abort(call: OpenCall, reason: unknown): void {
    const { leader, post, self } = this;
    const isUnderWay = leader && sameTerm(call.sentTo, leader);
    if (isUnderWay) post?.send(leader.leader, { type: 'abort', term: leader, from: self, call: call.number });
    call.reject(reason);
  }

  /** Brings a call to the engine, if there is one and the call is not there. */
  private dispatch(call: OpenCall): void {
    if (call.sentTo || call.stop.signal.aborted) return;
    if (this.reign?.engine) void this.perform(call, this.reign, this.reign.engine);
    else if (this.leader && this.leaderIsReady) this.send(call, this.leader);
  }

  private dispatchAll(): void {
    for (const call of this.calls.values()) this.dispatch(call);
  }

  private send(call: OpenCall, term: Term): void {
    call.sentTo = term;
    const { number, work, listens } = call;
    const message = { type: 'call', term, from: this.self, call: number, work, progress: listens } as const;
    try {
      this.post?.send(term.leader, message);
    } catch (error) {
      call.reject(error); // it cannot be copied
    }
  }

  /** Makes a call of this tab with this tab's engine. */
  private async perform(call: OpenCall, reign: Reign, engine: EngineLink): Promise<void> {
    call.sentTo = reign.term;
    try {
      const told = call.listens ? (done: number) => call.progress(done) : undefined;
      call.answer(await perform(engine, call.work, call.stop.signal, told));
    } catch (error) {
      // An engine that was ended refuses its calls; the next one has them by then.
      if (call.sentTo !== reign.term) return;
      call.reject(error);
      if (isDeath(error)) this.lost(reign, error);
    }
  }

  private hear(message: Notice | Letter): void {
    if (message.type === 'hello') this.reign?.greet(message.from);
    else if (message.type === 'call' || message.type === 'abort') {
      if (!this.reign || !sameTerm(message.term, this.reign.term)) return;
      if (message.type === 'call') void this.reign.serve(message);
      else this.reign.abort(message);
    } else if (message.type === 'ended') {
      this.ended.push(message.term);
      if (sameTerm(message.term, this.leader)) this.forgetLeader();
    } else if (this.follows(message.term)) this.hearLeader(message);
  }

  /** Whether a term is the one that counts for this tab: the latest is, and not what a former leader still says. */
  private follows(term: Term): boolean {
    if (this.reign || term.since < this.since || this.ended.some((one) => sameTerm(one, term))) return false;
    if (!sameTerm(term, this.leader)) this.follow(term);
    this.watch.heard();
    return true;
  }

  private follow(term: Term | undefined): void {
    this.leader = term;
    this.leaderIsReady = false;
    this.since = Math.max(this.since, term?.since ?? 0);
    for (const call of this.calls.values()) call.sentTo = undefined;
  }

  /** Whoever answers next is the leader, be its term an earlier one: this tab may have heard one that had lost its lead unawares. */
  private forgetLeader(): void {
    this.follow(undefined);
    this.since = 0;
    this.lookForLeader();
  }

  private hearLeader(message: FromLeader): void {
    if (message.type === 'loading') {
      if (message.progress) this.joining?.told(message.progress);
    } else if (message.type === 'ready') {
      this.leaderIsReady = true;
      this.isLoaded(message.report);
    } else if (message.type === 'progress') this.calls.get(message.call)?.progress(message.done);
    else {
      const { reply } = message;
      const call = this.calls.get(message.call);
      if (reply.ok) call?.answer(reply.value);
      else call?.reject(reviveError(reply.error));
    }
  }

  private elected(): void {
    if (!this.post) return;
    this.follow(undefined);
    this.since = Math.max(Date.now(), this.since + 1);
    const { locks, start } = this.options;
    const reign: Reign = new Reign({
      term: { leader: this.self, since: this.since },
      post: this.post,
      locks,
      presenceOf: (tab) => this.presenceOf(tab),
      died: (error) => this.lost(reign, error),
    });
    this.reign = reign;
    this.mind();
    const told = (progress: LoadProgress) => this.joining?.told(progress);
    reign.load(start, this.report, told).then(
      (engine) => this.reign === reign && this.isLoaded(engine.report),
      (error) => this.lost(reign, error),
    );
  }

  /** Another tab found this one silent and has taken the lead. */
  private deposed(): void {
    this.endReign();
    if (!this.post) return;
    this.leadership.stand();
    this.forgetLeader();
    this.mind();
  }

  private isLoaded(report: EmbedderReport): void {
    this.report = report;
    this.joining?.done();
    this.dispatchAll();
  }

  /**
   * This tab's engine could not be loaded or has died. That is the answer to all calls, as it is with an engine of one's own; the lead
   * goes to others, and this tab queues for it with its next call.
   */
  private lost(reign: Reign, error: unknown): void {
    if (this.reign !== reign) return;
    reign.end(error instanceof Error ? error : undefined);
    this.reign = undefined;
    this.leadership.resign();
    this.joining?.failed(error);
    this.rejectAll(error);
  }

  private endReign(): void {
    if (!this.reign) return;
    const { reign } = this;
    this.reign = undefined;
    for (const call of this.calls.values()) call.sentTo = undefined;
    reign.end();
  }

  private rejectAll(reason: unknown): void {
    for (const call of this.calls.values()) call.reject(reason);
  }

  private lookForLeader(): void {
    this.post?.tell({ type: 'hello', from: this.self });
  }

  /** Watches the leader while something is expected of it. */
  private mind(): void {
    const isWaiting = this.joining !== undefined || this.calls.size > 0;
    if (isWaiting && this.post && !this.reign) this.watch.start();
    else this.watch.stop();
  }

  /** The name of the lock that a tab holds while it takes part. */
  private presenceOf(tab: string): string {
    return `${this.options.name} ${tab}`;
  }
}
