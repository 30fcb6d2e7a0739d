import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SternaError } from '../errors.ts';
import { SharedService } from './shared-service.ts';
import { FakeBrowser, type FakeTab } from './testing/fake-browser.ts';
import { type Counting, FakeFactory, lengthsOf, START_TIME, TEXT_TIME } from './testing/fake-service.ts';

let browser: FakeBrowser;
let factory: FakeFactory;

beforeEach(() => {
  vi.useFakeTimers();
  browser = new FakeBrowser();
  factory = new FakeFactory();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

function join(tab: FakeTab, signal?: AbortSignal, onProgress?: (progress: string) => void, name = 'count') {
  const isDeath = (error: unknown) => error instanceof SternaError && error.code === 'worker';
  const options = { ...tab.meeting, name, noun: 'counter', start: factory.start(tab), isDeath };
  return SharedService.join(options, signal, onProgress);
}

/** A tab with a service that is there. */
async function open() {
  const tab = browser.tab();
  const joined = join(tab);
  await pass(START_TIME + 20);
  return { tab, shared: await joined };
}

/** What a promise came to, as soon as it has. */
interface Outcome<T> {
  value?: T;
  error?: Error;
  times: number;
}

function outcomeOf<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = { times: 0 };
  promise.then(
    (value) => {
      outcome.value = value;
      outcome.times++;
    },
    (error) => {
      outcome.error = error;
      outcome.times++;
    },
  );
  return outcome;
}

const codeOf = ({ error }: { error?: Error }) =>
  error instanceof SternaError ? error.code : (error?.name ?? 'none');

const texts = (count: number) => Array.from({ length: count }, (_, i) => 'x'.repeat(i + 1));

describe('tabs that share', () => {
  test('have one service, and its report and products in all of them', async () => {
    const tabs = [await open(), await open(), await open()];
    expect(factory.services).toHaveLength(1);
    for (const { shared } of tabs) {
      expect(shared.report).toBe('service 0');
      const call = outcomeOf(shared.perform(['tern', 'gull']));
      await pass(200);
      expect(call.value).toEqual(lengthsOf(['tern', 'gull']));
    }
  });

  test('that open at the same time start it once, and all of them hear how far the start is', async () => {
    const seen: string[][] = [[], [], []];
    const joined = seen.map((list) => join(browser.tab(), undefined, (stage) => list.push(stage)));
    await pass(START_TIME + 50);
    await Promise.all(joined);
    expect(factory.services).toHaveLength(1);
    for (const list of seen) expect(list).toEqual(['half']);
  });

  test('with other names have other services', async () => {
    await open();
    const tab = browser.tab();
    const other = join(tab, undefined, undefined, 'other');
    await pass(START_TIME + 20);
    await other;
    expect(factory.services).toHaveLength(2);
  });

  test('hear of the progress of their own calls, before the answer', async () => {
    await open();
    const { shared } = await open();
    const seen: (number | string)[] = [];
    const call = shared.perform(texts(3), undefined, (done) => seen.push(done));
    void call.then(() => seen.push('answer'));
    await pass(500);
    expect(seen).toEqual([1, 2, 3, 'answer']);
  });

  test('have the report of now after each answer, wherever they are, and the next service is told it', async () => {
    const [leader, asker] = [await open(), await open()];
    factory.services[0].report = 'service 0 with work done';
    const call = outcomeOf(asker.shared.perform(['tern']));
    await pass(200);
    expect(call.times).toBe(1);
    for (const { shared } of [leader, asker]) expect(shared.report).toBe('service 0 with work done');
    leader.tab.kill();
    await pass(START_TIME + 20);
    expect(factory.reportsBefore).toEqual([undefined, 'service 0 with work done']);
  });

  test('keep the codes of errors', async () => {
    await open();
    const { shared } = await open();
    const call = outcomeOf(shared.perform(['too long']));
    await pass(500);
    expect(codeOf(call)).toBe('text-too-long');
    expect(call.error?.message).toBe('Too long.');
  });
});

describe('an abort', () => {
  test('in another tab than the leader’s rejects at once and reaches the service', async () => {
    await open();
    const { shared } = await open();
    const controller = new AbortController();
    const call = outcomeOf(shared.perform(texts(5), controller.signal));
    await pass(TEXT_TIME + 10);
    controller.abort();
    await pass(0);
    expect(codeOf(call)).toBe('AbortError');
    await pass(500);
    expect([factory.services[0].aborted, factory.services[0].answered, call.times]).toEqual([1, 0, 1]);
  });

  test('in the leader’s tab reaches its service, too', async () => {
    const { shared } = await open();
    const controller = new AbortController();
    const call = outcomeOf(shared.perform(texts(5), controller.signal));
    await pass(TEXT_TIME + 10);
    controller.abort();
    await pass(500);
    expect([codeOf(call), factory.services[0].aborted]).toEqual(['AbortError', 1]);
  });

  test('between two leaders keeps the call from the second', async () => {
    const leader = await open();
    const { shared } = await open();
    const controller = new AbortController();
    const call = outcomeOf(shared.perform(texts(5), controller.signal));
    await pass(10);
    leader.tab.kill();
    await pass(START_TIME / 2);
    controller.abort();
    await pass(500);
    expect([codeOf(call), factory.services[1].seen]).toEqual(['AbortError', []]);
  });

  test('of a start that this tab waits for leaves it to the others', async () => {
    const controller = new AbortController();
    const first = outcomeOf(join(browser.tab(), controller.signal));
    const second = outcomeOf(join(browser.tab()));
    await pass(START_TIME / 2);
    controller.abort();
    await pass(2 * START_TIME);
    expect(codeOf(first)).toBe('AbortError');
    expect(second.value?.report).toBe('service 0');
  });
});

describe('when the leader’s tab goes', () => {
  const endings: Record<string, (leader: { tab: FakeTab; shared: Counting }) => void> = {
    'is killed': ({ tab }) => tab.kill(),
    'is closed': ({ tab }) => {
      tab.page.dispatchEvent(new Event('pagehide'));
      tab.kill();
    },
    'disposes of its part': ({ shared }) => shared.dispose(),
    'is put aside': ({ tab }) => {
      tab.page.dispatchEvent(new Event('freeze'));
      setTimeout(() => tab.freeze());
    },
  };

  test.each(Object.keys(endings))(
    'as it %s, calls under way and new ones are answered, once and in full',
    async (ending) => {
      const leader = await open();
      const [second, third] = [await open(), await open()];
      const seen: number[] = [];
      const long = outcomeOf(second.shared.perform(texts(8), undefined, (done) => seen.push(done)));
      const short = outcomeOf(third.shared.perform(texts(2)));
      await pass(TEXT_TIME + 20);
      endings[ending](leader);
      const during = outcomeOf(third.shared.perform(['tern']));
      await pass(START_TIME + 10 * TEXT_TIME);
      expect(long.value).toEqual(lengthsOf(texts(8)));
      expect(short.value).toEqual(lengthsOf(texts(2)));
      expect(during.value).toEqual(lengthsOf(['tern']));
      expect([long.times, short.times, during.times]).toEqual([1, 1, 1]);
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(factory.alive).toHaveLength(1);
      expect(second.shared.report).toBe('service 1');
      expect(third.shared.report).toBe('service 1');
    },
  );

  test('the next one is told the report of the one before', async () => {
    const leader = await open();
    await open();
    leader.tab.kill();
    await pass(START_TIME + 20);
    expect(factory.reportsBefore).toEqual([undefined, 'service 0']);
  });

  test('a start that waits for it is made by another', async () => {
    const leader = browser.tab();
    const first = outcomeOf(join(leader));
    const second = outcomeOf(join(browser.tab()));
    await pass(START_TIME / 2);
    leader.kill();
    await pass(START_TIME + 20);
    expect([first.times, second.value?.report]).toEqual([0, 'service 0']);
  });

  test('its own calls reject with `disposed` where it disposed of its part', async () => {
    const { shared } = await open();
    const call = outcomeOf(shared.perform(texts(3)));
    await pass(10);
    shared.dispose();
    await pass(0);
    expect([codeOf(call), codeOf(outcomeOf(shared.perform(['x'])))]).toEqual(['disposed', 'none']);
    const late = outcomeOf(shared.perform(['x']));
    await pass(0);
    expect(codeOf(late)).toBe('disposed');
  });

  test('and comes back, it takes part again, and its calls are answered', async () => {
    const leader = await open();
    const call = outcomeOf(leader.shared.perform(texts(3)));
    await open();
    leader.tab.page.dispatchEvent(new Event('pagehide'));
    await pass(START_TIME + 20);
    expect([call.times, factory.alive.length]).toEqual([0, 1]);
    leader.tab.page.dispatchEvent(new Event('pageshow'));
    await pass(500);
    expect(call.value).toEqual(lengthsOf(texts(3)));
    expect(leader.shared.report).toBe('service 1');
  });
});

describe('a leader that is silent', () => {
  test('loses the lead within a second, to one tab, and every call is answered once', async () => {
    const leader = await open();
    const [second, third] = [await open(), await open()];
    leader.tab.freeze();
    const calls = [second, third].map(({ shared }) => outcomeOf(shared.perform(texts(2))));
    await pass(700);
    expect(factory.services).toHaveLength(1);
    await pass(300 + 2 * START_TIME);
    expect(factory.services).toHaveLength(2);
    await pass(1000);
    for (const call of calls) expect([call.value, call.times]).toEqual([lengthsOf(texts(2)), 1]);
    leader.tab.thaw();
    await pass(500);
    expect(calls.map(({ times }) => times)).toEqual([1, 1]);
    expect(factory.alive).toHaveLength(1);
    const after = outcomeOf(leader.shared.perform(['tern']));
    await pass(500);
    expect(after.value).toEqual(lengthsOf(['tern']));
    expect(leader.shared.report).toBe(second.shared.report);
  });

  test('for half a second keeps the lead, whenever that comes, and answers then', async () => {
    const leader = await open();
    const { shared } = await open();
    const call = outcomeOf(shared.perform(texts(200)));
    for (let i = 0; i < 12; i++) {
      await pass(101);
      leader.tab.freeze();
      await pass(500);
      leader.tab.thaw();
    }
    await pass(200 * TEXT_TIME);
    expect([call.value, call.times, factory.services.length]).toEqual([lengthsOf(texts(200)), 1, 1]);
  });

  test('and only seemed to hang loses no call, its own neither', async () => {
    const leader = await open();
    const { shared } = await open();
    const calls = [leader.shared, shared].map((one) => outcomeOf(one.perform(texts(10))));
    await pass(2 * TEXT_TIME);
    leader.tab.freeze();
    await pass(1000);
    leader.tab.thaw();
    await pass(2000);
    for (const call of calls) expect([call.value, call.times]).toEqual([lengthsOf(texts(10)), 1]);
    expect([factory.services.length, factory.alive.length]).toEqual([2, 1]);
  });

  test('gets its own calls answered by the next one when it is back', async () => {
    const leader = await open();
    const second = await open();
    const own = outcomeOf(leader.shared.perform(texts(4)));
    await pass(TEXT_TIME);
    leader.tab.freeze();
    const other = outcomeOf(second.shared.perform(['tern']));
    await pass(3500);
    expect([own.times, other.times]).toEqual([0, 1]);
    leader.tab.thaw();
    await pass(500);
    expect([own.value, own.times]).toEqual([lengthsOf(texts(4)), 1]);
  });

  test('is found out by a tab that opens', async () => {
    const leader = await open();
    leader.tab.freeze();
    const second = outcomeOf(join(browser.tab()));
    await pass(3000);
    expect(second.value?.report).toBe('service 1');
  });

  test('does not keep a tab from coming back that went while its calls were known to the leader', async () => {
    const leader = await open();
    const { tab, shared } = await open();
    const known = outcomeOf(shared.perform(['tern']));
    await pass(300);
    expect(known.times).toBe(1);
    leader.tab.freeze();
    tab.page.dispatchEvent(new Event('pagehide'));
    await pass(50);
    tab.page.dispatchEvent(new Event('pageshow'));
    const call = outcomeOf(shared.perform(['gull']));
    await pass(5000);
    expect(call.value).toEqual(lengthsOf(['gull']));
  });

  test('keeps the lead while nobody needs it', async () => {
    const leader = await open();
    await open();
    leader.tab.freeze();
    await pass(60_000);
    leader.tab.thaw();
    await pass(500);
    expect(factory.services).toHaveLength(1);
  });

  test('keeps the lead when it computes for long and answers when asked', async () => {
    await open();
    const { shared } = await open();
    const call = outcomeOf(shared.perform(texts(200)));
    await pass(200 * TEXT_TIME + 500);
    expect([call.value, factory.services.length]).toEqual([lengthsOf(texts(200)), 1]);
  });
});

describe('what goes wrong', () => {
  test('in a start is the error of the tab that makes it, and each tab tries for itself', async () => {
    factory.failure = new SternaError('storage', 'There is no storage.');
    const tabs = [outcomeOf(join(browser.tab())), outcomeOf(join(browser.tab()))];
    await pass(3 * START_TIME);
    expect(tabs.map(codeOf)).toEqual(['storage', 'storage']);
  });

  test('in a start after a change of leaders is the answer to the calls, and the next call tries again', async () => {
    const leader = await open();
    const { shared } = await open();
    factory.failure = new SternaError('network', 'Offline.');
    const call = outcomeOf(shared.perform(texts(2)));
    await pass(10);
    leader.tab.kill();
    await pass(3 * START_TIME);
    expect(codeOf(call)).toBe('network');
    factory.failure = undefined;
    const next = outcomeOf(shared.perform(texts(2)));
    await pass(3 * START_TIME);
    expect(next.value).toEqual(lengthsOf(texts(2)));
  });

  test('with the worker is the answer to all calls, and the next ones have another service', async () => {
    const leader = await open();
    const second = await open();
    const calls = [leader, second].map(({ shared }) => outcomeOf(shared.perform(texts(3))));
    await pass(20);
    factory.services[0].die();
    await pass(START_TIME + 50);
    expect(calls.map(codeOf)).toEqual(['worker', 'worker']);
    const next = [leader, second].map(({ shared }) => outcomeOf(shared.perform(texts(3))));
    await pass(500);
    for (const { value } of next) expect(value).toEqual(lengthsOf(texts(3)));
    expect(factory.alive).toHaveLength(1);
  });

  test('with a tab that has calls under way is that the leader computes them no more', async () => {
    await open();
    const { tab, shared } = await open();
    outcomeOf(shared.perform(texts(10)));
    await pass(TEXT_TIME);
    tab.kill();
    await pass(500);
    expect([factory.services[0].aborted, factory.services[0].answered]).toEqual([1, 0]);
  });

  test('with locks is that a tab has a service of its own', async () => {
    const tab = browser.tab();
    const locks = { request: () => Promise.reject(new DOMException('No locks here.', 'SecurityError')) };
    const joined = SharedService.join({
      ...tab.meeting,
      locks,
      name: 'count',
      noun: 'counter',
      start: factory.start(tab),
      isDeath: () => false,
    });
    await pass(START_TIME + 20);
    const call = outcomeOf((await joined).perform(['tern']));
    await pass(500);
    expect(call.value).toEqual(lengthsOf(['tern']));
  });
});

test('calls of one tab are answered each with its own product', async () => {
  const { shared } = await open();
  const calls: Promise<number[]>[] = texts(5).map((text) => shared.perform([text]));
  await pass(1000);
  expect(await Promise.all(calls)).toEqual(texts(5).map((text) => lengthsOf([text])));
});

/** What can happen to a tab. */
const EVENTS = [
  'call',
  'abort',
  'kill',
  'freeze',
  'thaw',
  'pagehide',
  'pageshow',
  'dispose',
  'die',
  'open',
] as const;

test('whatever happens to the tabs in whatever order, each call of one that lives is answered once, and one service is left', async () => {
  const event = fc.record({
    kind: fc.oneof(
      { weight: 4, arbitrary: fc.constant('call' as const) },
      { weight: 6, arbitrary: fc.constantFrom(...EVENTS) },
    ),
    which: fc.nat(4),
    count: fc.integer({ min: 1, max: 12 }),
    // Long enough for some silences to end in a change of leaders.
    wait: fc.oneof(fc.integer({ min: 0, max: 150 }), fc.integer({ min: 0, max: 3000 })),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 25 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 12 })),
      async (events, delays) => {
        vi.clearAllTimers();
        browser = new FakeBrowser(() => delays.next().value);
        factory = new FakeFactory();
        let hasDied = false;
        const tabs: TabOfTest[] = [await openOfTest(), await openOfTest()];
        for (const { kind, which, count, wait } of events) {
          if (kind === 'open') tabs.push(await openOfTest());
          else if (kind === 'die') {
            factory.alive.at(-1)?.die();
            hasDied = true;
          } else happen(kind, tabs[which % tabs.length], count);
          await pass(wait);
        }
        for (const { tab } of tabs) {
          tab.thaw();
          tab.page.dispatchEvent(new Event('pageshow'));
        }
        await pass(30_000);

        const alive = tabs.filter(({ tab, joined }) => !tab.isDead && joined.value);
        for (const { calls, isDisposed } of alive) {
          for (const { outcome, expected, isAborted } of calls) {
            expect(outcome.times).toBe(1);
            if (outcome.value) expect(outcome.value).toEqual(expected);
            else if (codeOf(outcome) === 'AbortError') expect(isAborted).toBe(true);
            else if (codeOf(outcome) === 'disposed') expect(isDisposed).toBe(true);
            else expect([codeOf(outcome), hasDied]).toEqual(['worker', true]);
          }
        }
        expect(factory.alive.length).toBeLessThanOrEqual(1);
        // And those that are left work; a death that nobody has noticed costs one more call.
        const left = alive.filter(({ isDisposed }) => !isDisposed).map(({ joined }) => joined.value!);
        if (hasDied) for (const shared of left) outcomeOf(shared.perform(['tern']));
        await pass(1000);
        const last = left.map((shared) => outcomeOf(shared.perform(['tern'])));
        await pass(1000);
        for (const { value } of last) expect(value).toEqual(lengthsOf(['tern']));
        if (last.length > 0) expect(factory.alive).toHaveLength(1);
        for (const { joined } of alive) joined.value?.dispose();
        await pass(100);
        expect(factory.alive).toHaveLength(0);
      },
    ),
    { numRuns: 300 },
  );
});

interface TabOfTest {
  readonly tab: FakeTab;
  readonly joined: ReturnType<typeof outcomeOf<Counting>>;
  isDisposed: boolean;
  readonly calls: {
    readonly outcome: ReturnType<typeof outcomeOf<number[]>>;
    readonly expected: number[];
    readonly controller: AbortController;
    isAborted: boolean;
  }[];
}

async function openOfTest(): Promise<TabOfTest> {
  const tab = browser.tab();
  const joined = outcomeOf(join(tab));
  await pass(START_TIME + 20);
  return { tab, joined, isDisposed: false, calls: [] };
}

function happen(kind: (typeof EVENTS)[number], one: TabOfTest, count: number): void {
  const { tab, joined, calls } = one;
  const shared = joined.value;
  if (kind === 'kill') tab.kill();
  else if (kind === 'freeze') tab.freeze();
  else if (kind === 'thaw') tab.thaw();
  else if (tab.isFrozen || tab.isDead) return;
  else if (kind === 'pagehide' || kind === 'pageshow') tab.page.dispatchEvent(new Event(kind));
  else if (!shared || one.isDisposed) return;
  else if (kind === 'dispose') {
    one.isDisposed = true;
    shared.dispose();
  } else if (kind === 'abort') {
    const call = calls.at(-1);
    if (!call) return;
    call.isAborted = true;
    call.controller.abort();
  } else if (kind === 'call') {
    const controller = new AbortController();
    const outcome = outcomeOf(shared.perform(texts(count), controller.signal));
    calls.push({ outcome, expected: lengthsOf(texts(count)), controller, isAborted: false });
  }
}
