import type { Meeting } from '../meeting.ts';
import type { Channel } from '../post.ts';

type LockOptions = { readonly signal?: AbortSignal; readonly steal?: boolean };

interface LockRequest {
  readonly tab: FakeTab;
  readonly callback: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A browser's part in sharing: locks and channels of one origin, as their specifications have them, between tabs that can be
 * closed, killed and frozen. Whatever happens in a tab happens in a task of its own.
 */
export class FakeBrowser {
  private readonly holders = new Map<string, LockRequest>();
  private readonly queues = new Map<string, LockRequest[]>();
  private readonly channels = new Set<FakeChannel>();

  /** @param delay - milliseconds that something takes on its way into a tab. What comes by one channel keeps its order. */
  constructor(readonly delay = () => 1) {}

  tab(): FakeTab {
    return new FakeTab(this);
  }

  open(tab: FakeTab, name: string): FakeChannel {
    const channel = new FakeChannel(this, tab, name);
    this.channels.add(channel);
    return channel;
  }

  close(channel: FakeChannel): void {
    this.channels.delete(channel);
  }

  broadcast(from: FakeChannel, message: unknown): void {
    for (const channel of this.channels) {
      if (channel === from || channel.name !== from.name) continue;
      const copy = structuredClone(message);
      channel.arrival = Math.max(channel.arrival, Date.now() + this.delay());
      channel.tab.task(() => channel.hear(copy), channel.arrival - Date.now());
    }
  }

  request(tab: FakeTab, name: string, { signal, steal }: LockOptions, callback: () => Promise<void>) {
    return new Promise<void>((resolve, reject) => {
      const request: LockRequest = { tab, callback, resolve, reject };
      tab.act(() => {
        if (steal) return this.steal(name, request);
        this.queueOf(name).push(request);
        signal?.addEventListener('abort', () => {
          const queue = this.queueOf(name);
          if (!queue.includes(request)) return;
          queue.splice(queue.indexOf(request), 1);
          reject(signal.reason);
        });
        this.grantNext(name);
      });
    });
  }

  /** A tab is gone, and with it its channels and locks. */
  bury(tab: FakeTab): void {
    for (const channel of this.channels) if (channel.tab === tab) this.close(channel);
    for (const [name, queue] of this.queues) {
      this.queues.set(
        name,
        queue.filter((request) => request.tab !== tab),
      );
    }
    for (const [name, request] of this.holders) if (request.tab === tab) this.release(name, request);
  }

  private queueOf(name: string): LockRequest[] {
    const queue = this.queues.get(name) ?? [];
    this.queues.set(name, queue);
    return queue;
  }

  private steal(name: string, thief: LockRequest): void {
    const robbed = this.holders.get(name);
    this.grant(name, thief);
    robbed?.tab.task(() => robbed.reject(new DOMException('Lock broken by another request', 'AbortError')));
  }

  private grantNext(name: string): void {
    if (this.holders.has(name)) return;
    const next = this.queueOf(name).shift();
    if (next) this.grant(name, next);
  }

  private grant(name: string, request: LockRequest): void {
    this.holders.set(name, request);
    request.tab.task(() => {
      request.callback().then(() => request.tab.act(() => this.release(name, request)), request.reject);
    });
  }

  private release(name: string, request: LockRequest): void {
    if (this.holders.get(name) !== request) return;
    this.holders.delete(name);
    request.tab.task(request.resolve);
    this.grantNext(name);
  }
}

/** A tab of it. Its page is the target of `pagehide` and the like. */
export class FakeTab {
  readonly page = new EventTarget();
  readonly meeting: Meeting;
  private state: 'running' | 'frozen' | 'dead' = 'running';
  private backlog: (() => void)[] = [];

  constructor(private readonly browser: FakeBrowser) {
    this.meeting = {
      page: this.page,
      openChannel: (name): Channel => browser.open(this, name),
      locks: { request: (name, options, callback) => browser.request(this, name, options, callback) },
    };
  }

  get isDead(): boolean {
    return this.state === 'dead';
  }

  get isFrozen(): boolean {
    return this.state === 'frozen';
  }

  /** Ends it without a word, as a crash does. */
  kill(): void {
    this.state = 'dead';
    this.browser.bury(this);
  }

  /** Nothing happens in it until it thaws: it hears nothing, says nothing, and keeps its locks. */
  freeze(): void {
    if (this.state === 'running') this.state = 'frozen';
  }

  thaw(): void {
    if (this.state !== 'frozen') return;
    this.state = 'running';
    const { backlog } = this;
    this.backlog = [];
    for (const act of backlog) act();
  }

  /** Something that comes into the tab, after a while. */
  task(happens: () => void, delay = this.browser.delay()): void {
    setTimeout(() => this.act(happens), delay);
  }

  /** Something that the tab does now, or when it thaws. */
  act(does: () => void): void {
    if (this.state === 'running') does();
    else if (this.state === 'frozen') this.backlog.push(does);
  }
}

class FakeChannel implements Channel {
  private readonly listeners: ((event: MessageEvent) => void)[] = [];
  private closed = false;
  /** When its last message comes. */
  arrival = 0;

  constructor(
    private readonly browser: FakeBrowser,
    readonly tab: FakeTab,
    readonly name: string,
  ) {}

  postMessage(message: unknown): void {
    if (this.closed) throw new DOMException('The channel is closed.', 'InvalidStateError');
    const copy = structuredClone(message);
    this.tab.act(() => this.browser.broadcast(this, copy));
  }

  addEventListener(_type: 'message', listener: (event: MessageEvent) => void): void {
    this.listeners.push(listener);
  }

  hear(data: unknown): void {
    if (this.closed) return;
    for (const listener of this.listeners) listener(new MessageEvent('message', { data }));
  }

  close(): void {
    this.closed = true;
    this.browser.close(this);
  }
}
