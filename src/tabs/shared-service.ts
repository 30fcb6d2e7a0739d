import { SternaError } from '../errors.ts';
import { reviveError } from '../reply.ts';
import { untilAborted } from '../until-aborted.ts';
import { Leadership } from './leadership.ts';
import type { Meeting } from './meeting.ts';
import { type FromLeader, type Message, sameTerm, type Term } from './messages.ts';
import { OpenCall } from './open-call.ts';
import { Post } from './post.ts';
import { Reign } from './reign.ts';
import type { Service, StartService } from './service.ts';
import { Watch } from './watch.ts';

/** How to share. */
export interface SharedServiceOptions<Work, Product, Report, Loading> extends Meeting {
  /** The same in all tabs that share. */
  readonly name: string;
  /** What a user calls it, for messages: "embedder". */
  readonly noun: string;
  /** Starts the service, should this tab be the leader. */
  readonly start: StartService<Work, Product, Report, Loading>;
  /** Whether an error of a call says that the service will answer no call any more. */
  readonly isDeath: (error: unknown) => boolean;
}

/** When the browser puts a page aside, and when it comes back. Frozen pages keep their locks in some browsers. */
const ASIDE = ['pagehide', 'freeze'];
const BACK = ['pageshow', 'resume'];

/**
 * A service that all tabs of an origin have together. One tab is the leader: its service works for all. The others send it their
 * calls, and keep each until it is answered. When the leader goes, the next in the queue of a lock becomes the leader and starts the
 * service, and every tab sends what is unanswered again. So work is done at least once, and answered once.
 *
 * ```
 *   tab A, leader                        tab B                       tab C
 *   Reign ── service ◀── own calls       OpenCalls                   OpenCalls
 *     ▲ │                                 │ ▲                         │ ▲
 *     │ └───────── progress, answer ──────│─┴─────────────────────────│─┘
 *     └─────────── call, abort ───────────┴───────────────────────────┘
 * ```
 *
 * A leader that answers no question for most of a second while calls wait for it loses the lock to one of those who wait. That may
 * be wrong, when it was only busy, and costs time but no work: once it is back, it hears that it was deposed, ends its service and
 * follows; its own calls and those of others go to the new leader. Until then there can be two services.
 */
export class SharedService<Work, Product, Report, Loading> implements Service<Work, Product, Report> {
  /** What was last reported, by this leader or one before. */
  private known!: Report;
  /**
   * Another one each time that this tab takes part: the lock of the former one may be granted to a leader that hangs, and so
   * never come back.
   */
  private self = '';
  /** Unanswered, oldest first. */
  private readonly calls = new Map<number, OpenCall<Work, Product>>();
  private numbers = 0;
  /** Held while this tab takes part: the leader sees by it when the tab goes. */
  private presence?: Leadership;
  private readonly leadership: Leadership;
  private readonly watch: Watch;
  /** Absent while this tab takes no part. */
  private post?: Post<Message<Work, Product, Report, Loading>>;
  /** Set while this tab leads. */
  private reign?: Reign<Work, Product, Report, Loading>;
  /** The leader as far as it is known, when it is another tab. */
  private leader?: Term;
  private leaderIsReady = false;
  /** The latest beginning of a term that was heard of. */
  private since = 0;
  /** Terms that are over; letters of them may still be on their way. */
  private readonly ended: Term[] = [];
  /** What calls are refused with, once this tab has ended its part. */
  private disposed?: SternaError;
  /** Somebody waits for the service to be there. */
  private joining?: {
    readonly told?: (progress: Loading) => void;
    readonly done: () => void;
    readonly failed: (error: unknown) => void;
  };

  private constructor(private readonly options: SharedServiceOptions<Work, Product, Report, Loading>) {
    const { locks, page } = options;
    this.leadership = new Leadership(
      locks,
      options.name,
      () => this.elected(),
      () => this.deposed(),
    );
    this.watch = new Watch({
      ask: () => this.askLeader(),
      askAll: () => this.lookForLeader(),
      giveUp: () => this.leadership.seize(),
    });
    for (const type of ASIDE) page?.addEventListener(type, this.leave, true);
    for (const type of BACK) page?.addEventListener(type, this.enter, true);
    this.enter();
  }

  /**
   * Takes part, and waits until the service is there.
   *
   * @throws as `start`, where it is this tab that starts it; the signal's reason when it is aborted.
   */
  static async join<Work, Product, Report, Loading>(
    options: SharedServiceOptions<Work, Product, Report, Loading>,
    signal?: AbortSignal,
    onProgress?: (progress: Loading) => void,
  ): Promise<SharedService<Work, Product, Report, Loading>> {
    signal?.throwIfAborted();
    const service = new SharedService(options);
    try {
      await service.joined(signal, onProgress);
      return service;
    } catch (error) {
      service.dispose();
      throw error;
    }
  }

  /** What the service reported at its start or with the last answer to this tab, whichever was later. */
  get report(): Report {
    return this.reign?.service?.report ?? this.known;
  }

  /**
   * Has work done by the leader's service, and by the next one's when that goes.
   *
   * @param work - must stay as it is until it is done.
   * @param onProgress - told how much is done; what another leader does again is not told again.
   * @throws the service's error with its code; `disposed` after {@link dispose}; the signal's reason when it is aborted.
   */
  async perform(work: Work, signal?: AbortSignal, onProgress?: (progress: number) => void): Promise<Product> {
    if (this.disposed) throw this.disposed;
    const call = new OpenCall<Work, Product>(++this.numbers, work, onProgress);
    const begin = () => this.begin(call);
    return untilAborted(begin, signal, () => this.abort(call, signal!.reason)).finally(() => {
      this.calls.delete(call.number);
      this.mind();
    });
  }

  /** Ends this tab's part. Other tabs go on, with another leader if this was it. */
  dispose(): void {
    const { page, noun } = this.options;
    for (const type of ASIDE) page?.removeEventListener(type, this.leave, true);
    for (const type of BACK) page?.removeEventListener(type, this.enter, true);
    this.leave();
    this.disposed = new SternaError('disposed', `This ${noun} was disposed; make a new one.`);
    this.rejectAll(this.disposed);
  }

  private joined(signal?: AbortSignal, told?: (progress: Loading) => void): Promise<void> {
    const begin = () =>
      new Promise<void>((done, failed) => {
        this.joining = { told, done, failed };
      });
    return untilAborted(begin, signal).finally(() => {
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

  private begin(call: OpenCall<Work, Product>): Promise<Product> {
    this.calls.set(call.number, call);
    // A tab whose start of the service failed does not queue any more; a call makes it try again.
    if (this.post) this.leadership.stand();
    this.mind();
    this.dispatch(call);
    return call.settled;
  }

  private abort(call: OpenCall<Work, Product>, reason: unknown): void {
    const { leader, post, self } = this;
    const isUnderWay = leader && sameTerm(call.sentTo, leader);
    if (isUnderWay) post?.send(leader.leader, { type: 'abort', term: leader, from: self, call: call.number });
    call.reject(reason);
  }

  /** Brings a call to the service, if there is one and the call is not there. */
  private dispatch(call: OpenCall<Work, Product>): void {
    if (call.sentTo || call.stop.signal.aborted) return;
    if (this.reign?.service) void this.performHere(call, this.reign, this.reign.service);
    else if (this.leader && this.leaderIsReady) this.send(call, this.leader);
  }

  private dispatchAll(): void {
    for (const call of this.calls.values()) this.dispatch(call);
  }

  private send(call: OpenCall<Work, Product>, term: Term): void {
    call.sentTo = term;
    const { number, work, listens } = call;
    const message = { type: 'call', term, from: this.self, call: number, work, progress: listens } as const;
    try {
      this.post?.send(term.leader, message);
    } catch (error) {
      call.reject(error); // it cannot be copied
    }
  }

  /** Makes a call of this tab with this tab's service. */
  private async performHere(
    call: OpenCall<Work, Product>,
    reign: Reign<Work, Product, Report, Loading>,
    service: Service<Work, Product, Report>,
  ): Promise<void> {
    call.sentTo = reign.term;
    try {
      const told = call.listens ? (done: number) => call.progress(done) : undefined;
      call.answer(await service.perform(call.work, call.stop.signal, told));
    } catch (error) {
      // A service that was ended refuses its calls; the next one has them by then.
      if (call.sentTo !== reign.term) return;
      call.reject(error);
      if (this.options.isDeath(error)) this.lost(reign, error);
    }
  }

  private hear(message: Message<Work, Product, Report, Loading>): void {
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

  private hearLeader(message: FromLeader<Product, Report, Loading>): void {
    if (message.type === 'starting') {
      if (message.progress !== undefined) this.joining?.told?.(message.progress);
    } else if (message.type === 'ready') {
      this.leaderIsReady = true;
      this.isReady(message.report);
    } else if (message.type === 'progress') this.calls.get(message.call)?.progress(message.done);
    else {
      const { reply, report } = message;
      this.known = report;
      const call = this.calls.get(message.call);
      if (reply.ok) call?.answer(reply.value);
      else call?.reject(reviveError(reply.error));
    }
  }

  private elected(): void {
    if (!this.post) return;
    this.follow(undefined);
    this.since = Math.max(Date.now(), this.since + 1);
    const { locks, start, isDeath } = this.options;
    const reign: Reign<Work, Product, Report, Loading> = new Reign({
      term: { leader: this.self, since: this.since },
      post: this.post,
      locks,
      presenceOf: (tab) => this.presenceOf(tab),
      isDeath,
      died: (error) => this.lost(reign, error),
    });
    this.reign = reign;
    this.mind();
    const told = (progress: Loading) => this.joining?.told?.(progress);
    reign.begin(start, this.known, told).then(
      (service) => this.reign === reign && this.isReady(service.report),
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

  private isReady(report: Report): void {
    this.known = report;
    this.joining?.done();
    this.dispatchAll();
  }

  /**
   * This tab's service could not be started or has died. That is the answer to all calls, as it is with a service of one's own; the
   * lead goes to others, and this tab queues for it with its next call.
   */
  private lost(reign: Reign<Work, Product, Report, Loading>, error: unknown): void {
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
    this.known = this.report;
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

  /** Asks the leader for a sign of life, or for itself where it is not known. */
  private askLeader(): void {
    if (this.leader) this.post?.send(this.leader.leader, { type: 'hello', from: this.self });
    else this.lookForLeader();
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
