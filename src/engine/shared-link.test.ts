import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SternaError } from '../errors.ts';
import type { LoadProgress } from '../types.ts';
import type { EmbeddedTexts, EmbedRequest } from './link.ts';
import { SharedLink } from './shared-link.ts';
import { FakeBrowser, type FakeTab } from './testing/fake-browser.ts';
import { FakeFactory, LOAD_TIME, TEXT_TIME, vectorsOf } from './testing/fake-engine.ts';

const REQUEST: EmbedRequest = {
  task: 'document',
  dimensions: 1,
  output: 'float32',
  truncate: 'end',
  specialTokens: 'parse',
  priority: 'interactive',
};

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

function join(tab: FakeTab, signal?: AbortSignal, onProgress?: (progress: LoadProgress) => void) {
  return SharedLink.join({ ...tab.meeting, name: 'model', start: factory.start(tab) }, signal, onProgress);
}

/** A tab with a link that is loaded. */
async function open() {
  const tab = browser.tab();
  const joined = join(tab);
  await pass(LOAD_TIME + 20);
  return { tab, link: await joined };
}

/** What a promise came to, as soon as it has. */
function outcomeOf<T>(promise: Promise<T>): { value?: T; error?: Error; times: number } {
  const outcome: { value?: T; error?: Error; times: number } = { times: 0 };
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
  test('have one engine, and its report and vectors in all of them', async () => {
    const tabs = [await open(), await open(), await open()];
    expect(factory.engines).toHaveLength(1);
    for (const { link } of tabs) {
      expect(link.report.adapter).toBe('engine 0');
      const call = outcomeOf(link.embed(['tern', 'gull'], REQUEST));
      await pass(200);
      expect(call.value).toEqual(vectorsOf(['tern', 'gull']));
    }
  });

  test('that open at the same time load once, and all of them hear how far the load is', async () => {
    const seen: string[][] = [[], [], []];
    const joined = seen.map((list) => join(browser.tab(), undefined, ({ phase }) => list.push(phase)));
    await pass(LOAD_TIME + 50);
    await Promise.all(joined);
    expect(factory.engines).toHaveLength(1);
    for (const list of seen) expect([list.includes('download'), list.at(-1)]).toEqual([true, 'ready']);
  });

  test('with other models have other engines', async () => {
    await open();
    const tab = browser.tab();
    const other = SharedLink.join({ ...tab.meeting, name: 'other', start: factory.start(tab) });
    await pass(LOAD_TIME + 20);
    await other;
    expect(factory.engines).toHaveLength(2);
  });

  test('can cut texts into passages', async () => {
    await open();
    const { link } = await open();
    const call = outcomeOf(link.chunk(['tern'], 10));
    await pass(200);
    expect(call.value).toEqual([[{ text: 'tern', start: 0, end: 4, tokenCount: 4 }]]);
  });

  test('hear of the progress of their own calls, before the answer', async () => {
    await open();
    const { link } = await open();
    const seen: (number | string)[] = [];
    const call = link.embed(texts(3), REQUEST, undefined, (done) => seen.push(done));
    void call.then(() => seen.push('answer'));
    await pass(500);
    expect(seen).toEqual([1, 2, 3, 'answer']);
  });

  test('keep the codes of errors', async () => {
    await open();
    const { link } = await open();
    const call = outcomeOf(link.embed(['too long'], REQUEST));
    await pass(500);
    expect(codeOf(call)).toBe('text-too-long');
    expect(call.error?.message).toBe('Too long.');
  });

  test('may change their arrays of token ids after a call', async () => {
    const leader = await open();
    const { link } = await open();
    const ids = [0, 5, 2];
    const call = outcomeOf(link.embed([ids], REQUEST));
    await pass(10);
    ids.length = 0;
    leader.tab.kill();
    await pass(500);
    expect(call.value).toEqual(vectorsOf([[0, 5, 2]]));
  });
});

describe('an abort', () => {
  test('in another tab than the leader’s rejects at once and reaches the engine', async () => {
    await open();
    const { link } = await open();
    const controller = new AbortController();
    const call = outcomeOf(link.embed(texts(5), REQUEST, controller.signal));
    await pass(TEXT_TIME + 10);
    controller.abort();
    await pass(0);
    expect(codeOf(call)).toBe('AbortError');
    await pass(500);
    expect([factory.engines[0].aborted, factory.engines[0].answered, call.times]).toEqual([1, 0, 1]);
  });

  test('in the leader’s tab reaches its engine, too', async () => {
    const { link } = await open();
    const controller = new AbortController();
    const call = outcomeOf(link.embed(texts(5), REQUEST, controller.signal));
    await pass(TEXT_TIME + 10);
    controller.abort();
    await pass(500);
    expect([codeOf(call), factory.engines[0].aborted]).toEqual(['AbortError', 1]);
  });

  test('between two leaders keeps the call from the second', async () => {
    const leader = await open();
    const { link } = await open();
    const controller = new AbortController();
    const call = outcomeOf(link.embed(texts(5), REQUEST, controller.signal));
    await pass(10);
    leader.tab.kill();
    await pass(LOAD_TIME / 2);
    controller.abort();
    await pass(500);
    expect([codeOf(call), factory.engines[1].seen]).toEqual(['AbortError', []]);
  });

  test('of a load that this tab waits for leaves the load to the others', async () => {
    const controller = new AbortController();
    const first = outcomeOf(join(browser.tab(), controller.signal));
    const second = outcomeOf(join(browser.tab()));
    await pass(LOAD_TIME / 2);
    controller.abort();
    await pass(2 * LOAD_TIME);
    expect(codeOf(first)).toBe('AbortError');
    expect(second.value?.report.adapter).toBe('engine 0');
  });
});

describe('when the leader’s tab goes', () => {
  const endings: Record<string, (leader: { tab: FakeTab; link: SharedLink }) => void> = {
    'is killed': ({ tab }) => tab.kill(),
    'is closed': ({ tab }) => {
      tab.page.dispatchEvent(new Event('pagehide'));
      tab.kill();
    },
    'disposes of its embedder': ({ link }) => link.dispose(),
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
      const long = outcomeOf(second.link.embed(texts(8), REQUEST, undefined, (done) => seen.push(done)));
      const short = outcomeOf(third.link.embed(texts(2), REQUEST));
      await pass(TEXT_TIME + 20);
      endings[ending](leader);
      const during = outcomeOf(third.link.embed(['tern'], REQUEST));
      await pass(LOAD_TIME + 10 * TEXT_TIME);
      expect(long.value).toEqual(vectorsOf(texts(8)));
      expect(short.value).toEqual(vectorsOf(texts(2)));
      expect(during.value).toEqual(vectorsOf(['tern']));
      expect([long.times, short.times, during.times]).toEqual([1, 1, 1]);
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(factory.alive).toHaveLength(1);
      expect(second.link.report.adapter).toBe('engine 1');
      expect(third.link.report.adapter).toBe('engine 1');
    },
  );

  test('the next engine is to be like the one before', async () => {
    const leader = await open();
    await open();
    leader.tab.kill();
    await pass(LOAD_TIME + 20);
    expect(factory.likes.map((like) => like?.adapter)).toEqual([undefined, 'engine 0']);
  });

  test('a load that waits for it is done by another', async () => {
    const leader = browser.tab();
    const first = outcomeOf(join(leader));
    const second = outcomeOf(join(browser.tab()));
    await pass(LOAD_TIME / 2);
    leader.kill();
    await pass(LOAD_TIME + 20);
    expect([first.times, second.value?.report.adapter]).toEqual([0, 'engine 0']);
  });

  test('its own calls reject with `disposed` where it disposed of its embedder', async () => {
    const { link } = await open();
    const call = outcomeOf(link.embed(texts(3), REQUEST));
    await pass(10);
    link.dispose();
    await pass(0);
    expect([codeOf(call), codeOf(outcomeOf(link.embed(['x'], REQUEST)))]).toEqual(['disposed', 'none']);
    const late = outcomeOf(link.embed(['x'], REQUEST));
    await pass(0);
    expect(codeOf(late)).toBe('disposed');
  });

  test('and comes back, it takes part again, and its calls are answered', async () => {
    const leader = await open();
    const call = outcomeOf(leader.link.embed(texts(3), REQUEST));
    await open();
    leader.tab.page.dispatchEvent(new Event('pagehide'));
    await pass(LOAD_TIME + 20);
    expect([call.times, factory.alive.length]).toEqual([0, 1]);
    leader.tab.page.dispatchEvent(new Event('pageshow'));
    await pass(500);
    expect(call.value).toEqual(vectorsOf(texts(3)));
    expect(leader.link.report.adapter).toBe('engine 1');
  });
});

describe('a leader that is silent', () => {
  test('loses the lead after two seconds, to one tab, and every call is answered once', async () => {
    const leader = await open();
    const [second, third] = [await open(), await open()];
    leader.tab.freeze();
    const calls = [second, third].map(({ link }) => outcomeOf(link.embed(texts(2), REQUEST)));
    await pass(1900);
    expect(factory.engines).toHaveLength(1);
    await pass(1500);
    for (const call of calls) expect([call.value, call.times]).toEqual([vectorsOf(texts(2)), 1]);
    leader.tab.thaw();
    await pass(500);
    expect(calls.map(({ times }) => times)).toEqual([1, 1]);
    expect(factory.alive).toHaveLength(1);
    const after = outcomeOf(leader.link.embed(['tern'], REQUEST));
    await pass(500);
    expect(after.value).toEqual(vectorsOf(['tern']));
    expect(leader.link.report.adapter).toBe(second.link.report.adapter);
  });

  test('gets its own calls answered by the next one when it is back', async () => {
    const leader = await open();
    const second = await open();
    const own = outcomeOf(leader.link.embed(texts(4), REQUEST));
    await pass(TEXT_TIME);
    leader.tab.freeze();
    const other = outcomeOf(second.link.embed(['tern'], REQUEST));
    await pass(3500);
    expect([own.times, other.times]).toEqual([0, 1]);
    leader.tab.thaw();
    await pass(500);
    expect([own.value, own.times]).toEqual([vectorsOf(texts(4)), 1]);
  });

  test('is found out by a tab that opens', async () => {
    const leader = await open();
    leader.tab.freeze();
    const second = outcomeOf(join(browser.tab()));
    await pass(3000);
    expect(second.value?.report.adapter).toBe('engine 1');
  });

  test('does not keep a tab from coming back that went while its calls were known to the leader', async () => {
    const leader = await open();
    const { tab, link } = await open();
    const known = outcomeOf(link.embed(['tern'], REQUEST));
    await pass(300);
    expect(known.times).toBe(1);
    leader.tab.freeze();
    tab.page.dispatchEvent(new Event('pagehide'));
    await pass(50);
    tab.page.dispatchEvent(new Event('pageshow'));
    const call = outcomeOf(link.embed(['gull'], REQUEST));
    await pass(5000);
    expect(call.value).toEqual(vectorsOf(['gull']));
  });

  test('keeps the lead while nobody needs it', async () => {
    const leader = await open();
    await open();
    leader.tab.freeze();
    await pass(60_000);
    leader.tab.thaw();
    await pass(500);
    expect(factory.engines).toHaveLength(1);
  });

  test('keeps the lead when it computes for long and answers when asked', async () => {
    await open();
    const { link } = await open();
    const call = outcomeOf(link.embed(texts(200), REQUEST));
    await pass(200 * TEXT_TIME + 500);
    expect([call.value, factory.engines.length]).toEqual([vectorsOf(texts(200)), 1]);
  });
});

describe('what goes wrong', () => {
  test('in a load is the error of the tab that loads, and each tab tries for itself', async () => {
    factory.failure = new SternaError('model-not-found', 'There is no model.');
    const tabs = [outcomeOf(join(browser.tab())), outcomeOf(join(browser.tab()))];
    await pass(3 * LOAD_TIME);
    expect(tabs.map(codeOf)).toEqual(['model-not-found', 'model-not-found']);
  });

  test('in a load after a change of leaders is the answer to the calls, and the next call tries again', async () => {
    const leader = await open();
    const { link } = await open();
    factory.failure = new SternaError('network', 'Offline.');
    const call = outcomeOf(link.embed(texts(2), REQUEST));
    await pass(10);
    leader.tab.kill();
    await pass(3 * LOAD_TIME);
    expect(codeOf(call)).toBe('network');
    factory.failure = undefined;
    const next = outcomeOf(link.embed(texts(2), REQUEST));
    await pass(3 * LOAD_TIME);
    expect(next.value).toEqual(vectorsOf(texts(2)));
  });

  test('with the worker is the answer to all calls, and the next ones have another engine', async () => {
    const leader = await open();
    const second = await open();
    const calls = [leader, second].map(({ link }) => outcomeOf(link.embed(texts(3), REQUEST)));
    await pass(20);
    factory.engines[0].die();
    await pass(LOAD_TIME + 50);
    expect(calls.map(codeOf)).toEqual(['worker', 'worker']);
    const next = [leader, second].map(({ link }) => outcomeOf(link.embed(texts(3), REQUEST)));
    await pass(500);
    for (const { value } of next) expect(value).toEqual(vectorsOf(texts(3)));
    expect(factory.alive).toHaveLength(1);
  });

  test('with a tab that has calls under way is that the leader computes them no more', async () => {
    await open();
    const { tab, link } = await open();
    outcomeOf(link.embed(texts(10), REQUEST));
    await pass(TEXT_TIME);
    tab.kill();
    await pass(500);
    expect([factory.engines[0].aborted, factory.engines[0].answered]).toEqual([1, 0]);
  });

  test('with locks is that a tab has an engine of its own', async () => {
    const tab = browser.tab();
    const locks = { request: () => Promise.reject(new DOMException('No locks here.', 'SecurityError')) };
    const joined = SharedLink.join({ ...tab.meeting, locks, name: 'model', start: factory.start(tab) });
    await pass(LOAD_TIME + 20);
    const call = outcomeOf((await joined).embed(['tern'], REQUEST));
    await pass(500);
    expect(call.value).toEqual(vectorsOf(['tern']));
  });
});

test('calls of one tab are answered in the order of their vectors, whoever computes them', async () => {
  const { link } = await open();
  const calls: Promise<EmbeddedTexts>[] = texts(5).map((text) => link.embed([text], REQUEST));
  await pass(1000);
  expect(await Promise.all(calls)).toEqual(texts(5).map((text) => vectorsOf([text])));
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

test('whatever happens to the tabs in whatever order, each call of one that lives is answered once, and one engine is left', async () => {
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
        if (hasDied) for (const link of left) outcomeOf(link.embed(['tern'], REQUEST));
        await pass(1000);
        const last = left.map((link) => outcomeOf(link.embed(['tern'], REQUEST)));
        await pass(1000);
        for (const { value } of last) expect(value).toEqual(vectorsOf(['tern']));
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
  readonly joined: ReturnType<typeof outcomeOf<SharedLink>>;
  isDisposed: boolean;
  readonly calls: {
    readonly outcome: ReturnType<typeof outcomeOf<EmbeddedTexts>>;
    readonly expected: EmbeddedTexts;
    readonly controller: AbortController;
    isAborted: boolean;
  }[];
}

async function openOfTest(): Promise<TabOfTest> {
  const tab = browser.tab();
  const joined = outcomeOf(join(tab));
  await pass(LOAD_TIME + 20);
  return { tab, joined, isDisposed: false, calls: [] };
}

function happen(kind: (typeof EVENTS)[number], one: TabOfTest, count: number): void {
  const { tab, joined, calls } = one;
  const link = joined.value;
  if (kind === 'kill') tab.kill();
  else if (kind === 'freeze') tab.freeze();
  else if (kind === 'thaw') tab.thaw();
  else if (tab.isFrozen || tab.isDead) return;
  else if (kind === 'pagehide' || kind === 'pageshow') tab.page.dispatchEvent(new Event(kind));
  else if (!link || one.isDisposed) return;
  else if (kind === 'dispose') {
    one.isDisposed = true;
    link.dispose();
  } else if (kind === 'abort') {
    const call = calls.at(-1);
    if (!call) return;
    call.isAborted = true;
    call.controller.abort();
  } else if (kind === 'call') {
    const controller = new AbortController();
    const outcome = outcomeOf(link.embed(texts(count), REQUEST, controller.signal));
    calls.push({ outcome, expected: vectorsOf(texts(count)), controller, isAborted: false });
  }
}
