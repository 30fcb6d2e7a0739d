import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SternaError } from '../errors.ts';
import { FakeBrowser, type FakeTab } from '../tabs/testing/fake-browser.ts';
import type { LoadProgress } from '../types.ts';
import type { EmbedRequest } from './link.ts';
import { SharedLink } from './shared-link.ts';
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

function join(tab: FakeTab, onProgress?: (progress: LoadProgress) => void) {
  return SharedLink.join({ ...tab.meeting, name: 'model', start: factory.start(tab) }, undefined, onProgress);
}

/** A tab with a link that is loaded. */
async function open() {
  const tab = browser.tab();
  const joined = join(tab);
  await pass(LOAD_TIME + 20);
  return { tab, link: await joined };
}

/** What a promise came to after a while. */
async function after<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await pass(milliseconds);
  return promise;
}

test('tabs that share have one engine, and its report, vectors and passages in all of them', async () => {
  const tabs = [await open(), await open(), await open()];
  expect(factory.engines).toHaveLength(1);
  for (const { link } of tabs) {
    expect(link.report.adapter).toBe('engine 0');
    expect(await after(200, link.embed(['tern', 'gull'], REQUEST))).toEqual(vectorsOf(['tern', 'gull']));
    expect(await after(200, link.chunk(['tern'], 10))).toEqual([
      [{ text: 'tern', start: 0, end: 4, tokenCount: 4 }],
    ]);
  }
});

test('every tab hears how far the load is, and that it is ready, be it long since', async () => {
  const seen: string[][] = [[], [], []];
  const joins = seen.slice(1).map((list) => join(browser.tab(), ({ phase }) => list.push(phase)));
  await pass(LOAD_TIME + 50);
  await Promise.all(joins);
  await after(
    50,
    join(browser.tab(), ({ phase }) => seen[0].push(phase)),
  );
  expect(seen).toEqual([['ready'], ['download', 'ready'], ['download', 'ready']]);
});

test('a caller hears how many texts are done, and may change its arrays of token ids after a call', async () => {
  const leader = await open();
  const { link } = await open();
  const seen: number[] = [];
  const ids = [0, 5, 2];
  const call = link.embed([ids, 'tern'], REQUEST, undefined, (done) => seen.push(done));
  await pass(10);
  ids.length = 0;
  leader.tab.kill();
  expect(await after(500, call)).toEqual(vectorsOf([[0, 5, 2], 'tern']));
  expect(seen).toEqual([1, 2]);
});

test('the next engine is to be like the one before, and any other where there can be none like it', async () => {
  const [first, second] = [await open(), await open()];
  factory.refusesLikeness = true;
  first.tab.kill();
  await pass(2 * LOAD_TIME + 20);
  expect(factory.likes.map((like) => like?.adapter)).toEqual([undefined, 'engine 0', undefined]);
  expect(second.link.report.adapter).toBe('engine 1');
});

test('an abort and an error’s code cross the tabs', async () => {
  await open();
  const { link } = await open();
  const controller = new AbortController();
  const call = link.embed(['tern', 'gull'], REQUEST, controller.signal);
  await pass(TEXT_TIME / 2);
  controller.abort();
  await expect(after(200, call)).rejects.toThrow(controller.signal.reason);
  expect(factory.engines[0].aborted).toBe(1);
  await expect(after(200, link.embed(['too long'], REQUEST))).rejects.toMatchObject({
    code: 'text-too-long',
  });
});

test('when the worker dies its calls are refused, and the next ones have another engine', async () => {
  const tabs = [await open(), await open()];
  const calls = tabs.map(({ link }) => link.embed(['tern'], REQUEST).catch((error) => error));
  await pass(20);
  factory.engines[0].die();
  await pass(LOAD_TIME + 50);
  for (const call of calls) expect(await call).toBeInstanceOf(SternaError);
  const next = tabs.map(({ link }) => link.embed(['tern'], REQUEST));
  await pass(500);
  expect(await Promise.all(next)).toEqual([vectorsOf(['tern']), vectorsOf(['tern'])]);
});

test('after its end a link refuses calls as an embedder that was disposed of', async () => {
  const { link } = await open();
  link.dispose();
  await expect(link.embed(['tern'], REQUEST)).rejects.toThrow('This embedder was disposed; make a new one.');
});
