import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import type { Embedder, EmbedderOptions } from '../src/index.ts';
import { randomModel } from './hub/random-model.mjs';
import { type Hub, startHub } from './hub/server.mjs';

/** A word table of some megabytes, to be interrupted in. */
const model = randomModel({
  family: 'gte',
  size: { vocabulary: 40_000, hidden: 128, heads: 2, intermediate: 256 },
});
const WEIGHTS = 'model_fp16.onnx';
const { size } = model.files.get(`onnx/${WEIGHTS}`)!;
const folder = mkdtempSync(join(tmpdir(), 'sterna-'));
let hub: Hub;

test.beforeAll(async () => {
  const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
  const to = join(folder, 'nano');
  execFileSync(process.execPath, [cli, 'convert', 'nano', '--precision', 'q8', '--output', to, '--quiet']);
  hub = await startHub({ models: { 'test/model': model }, folders: { nano: to } });
});
test.afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});
test.beforeEach(() => {
  hub.faults.clear();
  hub.requests.length = 0;
});

const sent = (path: string) =>
  hub.requests.filter((request) => request.path.includes(path)).reduce((sum, { bytes }) => sum + bytes, 0);

async function open(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto('/pages/blank.html');
  return page;
}

type Settings = Omit<
  EmbedderOptions,
  'model' | 'signal' | 'onProgress' | 'fetch' | 'worker' | 'workerFactory'
> & { model: string };

const repository = (): Settings => ({
  model: 'test/model',
  baseUrl: hub.url,
  revision: model.commit,
  device: 'wasm',
  threads: 1,
});

/** Loads a model in a page, and embeds three lists of token ids. */
function vectors(page: Page, settings: Settings = repository()) {
  return page.evaluate(async (options) => {
    const name = 'sterna';
    const { Embedder: Loaded } = (await import(name)) as { Embedder: typeof Embedder };
    const embedder = await Loaded.create(options);
    const ids = [
      [0, 7, 99, 2],
      [0, 31_999, 2],
      [0, 500, 20_000, 2],
    ];
    const { embeddings } = await embedder.embed(ids);
    const { notes, precision } = embedder.report;
    await embedder.dispose();
    return { values: embeddings.map((one) => [...one.values]), notes, precision };
  }, settings);
}

test('a model of a repository is downloaded once, and works without a connection after that', async ({
  context,
}) => {
  const first = await vectors(await open(context));
  expect(first.precision).toBe('q8');
  expect(sent(WEIGHTS)).toBeGreaterThanOrEqual(size);
  hub.requests.length = 0;
  hub.faults.set({ kind: 'offline' });
  expect(await vectors(await open(context))).toEqual(first);
  expect(hub.requests).toEqual([]);
});

test('a load that is broken by a reload at 20 moments goes on each time', async ({ context, browser }) => {
  const other = await browser.newContext();
  const expected = await vectors(await open(other));
  await other.close();
  hub.requests.length = 0;
  hub.faults.set({ kind: 'throttle', bytesPerSecond: 20e6 });
  const page = await open(context);
  for (let i = 1; i <= 20; i++) {
    await page.evaluate(async (options) => {
      const name = 'sterna';
      const { Embedder: Loaded } = (await import(name)) as { Embedder: typeof Embedder };
      void Loaded.create(options);
    }, repository());
    await page.waitForTimeout((Math.imul(i, 2654435761) >>> 0) % 400);
    await page.reload();
  }
  hub.faults.clear();
  expect(await vectors(page)).toEqual(expected);
  // What had been under way at each of them is asked for again; what had been converted is not.
  expect(sent(WEIGHTS)).toBeLessThan(size + 20 * 20 * 2 ** 20);
});

test('two tabs that start at once share one download', async ({ context }) => {
  const pages = [await open(context), await open(context)];
  const [a, b] = await Promise.all(pages.map((page) => vectors(page)));
  expect(a).toEqual(b);
  expect(sent(WEIGHTS)).toBeLessThan(1.5 * size);
});

test('a tab that dies in mid-download leaves it to another one', async ({ context }) => {
  hub.faults.set({ kind: 'throttle', bytesPerSecond: 20e6 });
  const [first, second] = [await open(context), await open(context)];
  const settings = { ...repository(), shared: true };
  const dying = vectors(first, settings).catch(() => 'died');
  await expect.poll(() => sent(WEIGHTS)).toBeGreaterThan(1e6);
  const waiting = vectors(second, settings);
  const client = await context.newCDPSession(first);
  void client.send('Page.crash').catch(() => {}); // nobody is there to answer
  expect((await waiting).values).toHaveLength(3);
  await first.close();
  await dying;
});

test('a model that the site has no room for is held in memory, and says so', async ({ context, baseURL }) => {
  const page = await open(context);
  const client = await context.newCDPSession(page);
  await client.send('Storage.overrideQuotaForOrigin', { origin: new URL(baseURL!).origin, quotaSize: 2e6 });
  const { values, notes } = await vectors(page);
  expect(values).toHaveLength(3);
  expect(notes.join()).toContain('The model is in memory and will be downloaded again');
});

test('of a pack comes what the first query needs, and the rest where it is asked for', async ({
  context,
}) => {
  const settings: Settings = { model: `${hub.url}/folder/nano/`, device: 'wasm', threads: 1, keep: 'needed' };
  const page = await open(context);
  const { values } = await vectors(page, settings);
  expect(values[0]).toHaveLength(256);
  expect(sent('words-')).toBeLessThan(1_000_000);
  hub.requests.length = 0;
  await vectors(page, settings);
  expect(sent('words-') + sent('layers-')).toBe(0);
});

test('a page can ask what a model takes, whether it is kept, and have it removed', async ({ context }) => {
  const page = await open(context);
  const ask = () =>
    page.evaluate(async ({ model: name, ...options }) => {
      const library = 'sterna';
      const { Embedder: Loaded } = (await import(library)) as { Embedder: typeof Embedder };
      return {
        estimate: await Loaded.estimate(name, options),
        isCached: await Loaded.isCached(name, options),
      };
    }, repository());
  const before = await ask();
  expect(before.isCached).toBe(false);
  expect(before.estimate).toMatchObject({ precision: 'q8', fits: true });
  expect(before.estimate.download).toBeGreaterThan(size);
  await vectors(page);
  const after = await ask();
  expect(after.isCached).toBe(true);
  expect(after.estimate.download).toBe(0);
  // What was said to be stored is what is stored, but for the tokenizer, of which only the source's size was known.
  expect(Math.abs(after.estimate.disk - before.estimate.disk)).toBeLessThan(0.02 * after.estimate.disk);
  await page.evaluate(async ({ model: name, ...options }) => {
    const library = 'sterna';
    const { Embedder: Loaded } = (await import(library)) as { Embedder: typeof Embedder };
    await Loaded.clearCache(name, options);
  }, repository());
  expect((await ask()).isCached).toBe(false);
});

test('a page’s own fetch brings the model', async ({ context }) => {
  hub.faults.set({ kind: 'latency', ms: 1 });
  const page = await open(context);
  const addresses = await page.evaluate(async (options) => {
    const name = 'sterna';
    const { Embedder: Loaded } = (await import(name)) as { Embedder: typeof Embedder };
    const asked: string[] = [];
    const embedder = await Loaded.create({
      ...options,
      fetch: (address, init) => {
        asked.push(address);
        return fetch(address, init);
      },
    });
    await embedder.dispose();
    return asked;
  }, repository());
  expect(addresses.filter((address) => address.includes(WEIGHTS)).length).toBeGreaterThan(2);
});
