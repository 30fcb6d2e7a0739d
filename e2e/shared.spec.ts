import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import type * as Sterna from '../src/index.ts';

/** The built package in the page, as a script of the page would have it. */
interface PageScope {
  sterna: typeof Sterna;
  embedder: Sterna.Embedder;
  /** A long call. */
  job: Promise<string[]>;
  /** Texts of it that are done. */
  done: number;
}

/** Texts of a few hundred tokens, so that a job of them takes some seconds. */
const TEXTS = Array.from(
  { length: 100 },
  (_, i) => `${'Arctic terns fly from one pole to the other and back. '.repeat(20 + ((i * 7) % 13))}${i}`,
);
const QUESTION = 'How far do terns fly?';

let context: BrowserContext;
let expected: string[];

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await load(page, false);
  await startJob(page);
  expected = await jobOf(page);
  await page.close();
});

test.beforeEach(async ({ browser }) => {
  context = await browser.newContext();
});
test.afterEach(() => context.close());

/** Opens a page with an embedder. */
async function open(): Promise<Page> {
  const page = await context.newPage();
  await load(page, true);
  return page;
}

async function load(page: Page, shared: boolean): Promise<void> {
  await page.goto('/pages/blank.html');
  await page.evaluate(async (shared) => {
    const scope = globalThis as unknown as PageScope;
    const name = 'sterna';
    scope.sterna = await import(name);
    scope.embedder = await scope.sterna.Embedder.create({ device: 'wasm', threads: 1, shared });
  }, shared);
}

/** The vectors of a text in a page, as text. */
const embed = (page: Page, text: string) =>
  page.evaluate(async (text) => {
    const { embedder } = globalThis as unknown as PageScope;
    return (await embedder.embed(text, { task: 'query' })).embeddings[0].values.join();
  }, text);

/** Starts a long job in a page. */
const startJob = (page: Page) =>
  page.evaluate((texts) => {
    const scope = globalThis as unknown as PageScope;
    scope.done = 0;
    const run = async () => {
      const vectors: string[] = [];
      for await (const { values } of scope.embedder.embedMany(texts)) {
        vectors.push(values.join());
        scope.done++;
      }
      return vectors;
    };
    scope.job = run();
  }, TEXTS);

const jobOf = (page: Page) => page.evaluate(() => (globalThis as unknown as PageScope).job);

/** Waits until a job has begun to give results, and is not at its end. */
async function middleOfJob(page: Page): Promise<void> {
  await page.waitForFunction(() => (globalThis as unknown as PageScope).done > 0);
  const done = await page.evaluate(() => (globalThis as unknown as PageScope).done);
  expect(done).toBeLessThan(TEXTS.length);
}

const workersOf = (pages: readonly Page[]) => pages.map((page) => page.workers().length);

/** Kills the process of a page. */
async function crash(page: Page): Promise<void> {
  const session = await context.newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  session.send('Page.crash').catch(() => {}); // nobody is left to answer
  await crashed;
}

/** Keeps in the results how long something took; a machine that is busy with other things must not fail a test. */
function note(what: string, milliseconds: number): void {
  const description = `${Math.round(milliseconds)} ms`;
  test.info().annotations.push({ type: what, description });
  console.log(`    ${what}: ${description}`);
}

test('three pages have one worker and the same vectors, and calls at the same time are all answered', async () => {
  const pages = [await open(), await open(), await open()];
  expect(workersOf(pages)).toEqual([1, 0, 0]);
  const vectors = await Promise.all(pages.map((page) => embed(page, QUESTION)));
  expect(new Set(vectors).size).toBe(1);
  const reports = await Promise.all(
    pages.map((page) => page.evaluate(() => (globalThis as unknown as PageScope).embedder.report)),
  );
  expect(reports[1]).toEqual(reports[0]);
  expect(reports[2]).toEqual(reports[0]);
});

test('pages that start at the same time load once, and all hear of it', async () => {
  const pages = await Promise.all([context.newPage(), context.newPage(), context.newPage()]);
  const phases = await Promise.all(
    pages.map(async (page) => {
      await page.goto('/pages/blank.html');
      return page.evaluate(async () => {
        const scope = globalThis as unknown as PageScope;
        const name = 'sterna';
        scope.sterna = await import(name);
        const phases: string[] = [];
        const onProgress = ({ phase }: Sterna.LoadProgress) => phases.push(phase);
        scope.embedder = await scope.sterna.Embedder.create({
          device: 'wasm',
          threads: 1,
          shared: true,
          onProgress,
        });
        return phases;
      });
    }),
  );
  expect(workersOf(pages).reduce((a, b) => a + b)).toBe(1);
  for (const list of phases) expect(list.at(-1)).toBe('ready');
});

test('other settings are another engine', async () => {
  const page = await open();
  await page.evaluate(async () => {
    const { sterna } = globalThis as unknown as PageScope;
    await sterna.Embedder.create({ device: 'wasm', threads: 1, precision: 'q8', shared: true });
  });
  expect(workersOf([page])).toEqual([2]);
});

test('a page that only shares ends its part alone; the page with the worker hands over', async () => {
  const [first, second, third] = [await open(), await open(), await open()];
  await second.evaluate(() => (globalThis as unknown as PageScope).embedder.dispose());
  await embed(third, QUESTION);
  expect(workersOf([first, second, third])).toEqual([1, 0, 0]);
  await first.evaluate(() => (globalThis as unknown as PageScope).embedder.dispose());
  await embed(third, QUESTION);
  await expect.poll(() => workersOf([first, second, third])).toEqual([0, 0, 1]);
});

const ENDINGS: Record<string, (page: Page) => Promise<unknown>> = {
  'is closed': (page) => page.close(),
  'goes elsewhere': (page) => page.goto('about:blank'),
  crashes: (page) => crash(page),
};

for (const [ending, end] of Object.entries(ENDINGS)) {
  test(`when the leader’s page ${ending} in the middle of another’s job, all results arrive in order and are the same`, async () => {
    const [leader, worker, asker] = [await open(), await open(), await open()];
    await startJob(worker);
    await middleOfJob(worker);
    await end(leader);
    expect(await jobOf(worker)).toEqual(expected);
    expect(workersOf([worker, asker]).reduce((a, b) => a + b)).toBe(1);
  });

  test(`when the leader’s page ${ending}, a query that is asked just then is answered`, async () => {
    const [leader, asker] = [await open(), await open()];
    const before = await embed(asker, QUESTION);
    const start = performance.now();
    const ended = end(leader);
    expect(await embed(asker, QUESTION)).toBe(before);
    note(`a query as the leader ${ending}`, performance.now() - start);
    await ended;
    const next = performance.now();
    expect(await embed(asker, QUESTION)).toBe(before);
    note('the next query', performance.now() - next);
  });
}

test('a leader that hangs is replaced, and takes its place among the others when it is back', async () => {
  const [leader, asker] = [await open(), await open()];
  const before = await embed(asker, QUESTION);
  const hangs = leader.evaluate(() => {
    const end = performance.now() + 8000;
    while (performance.now() < end);
  });
  const start = performance.now();
  expect(await embed(asker, QUESTION)).toBe(before);
  note('a query as the leader hangs', performance.now() - start);
  expect(workersOf([asker])).toEqual([1]);
  await hangs;
  expect(await embed(leader, QUESTION)).toBe(before);
  await expect.poll(() => workersOf([leader, asker])).toEqual([0, 1]);
});

test('a leader whose page is busy for half a second at a time keeps the lead', async () => {
  const [leader, asker] = [await open(), await open()];
  const before = await embed(asker, QUESTION);
  let isOver = false;
  const busy = leader
    .evaluate(async () => {
      for (let times = 0; times < 8; times++) {
        const end = performance.now() + 500;
        while (performance.now() < end);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })
    .then(() => {
      isOver = true;
    });
  while (!isOver) expect(await embed(asker, QUESTION)).toBe(before);
  await busy;
  expect(workersOf([leader, asker])).toEqual([1, 0]);
});

test('a leader that is about to be frozen hands over, and a page in the queue that is frozen is passed over', async () => {
  const [first, second, third] = [await open(), await open(), await open()];
  const before = await embed(third, QUESTION);
  // Browsers freeze no page on command while tests look at it; what they tell a page first is this.
  const tell = (page: Page, type: string) =>
    page.evaluate((type) => document.dispatchEvent(new Event(type)), type);
  await tell(second, 'freeze');
  const start = performance.now();
  await tell(first, 'freeze');
  expect(await embed(third, QUESTION)).toBe(before);
  note('a query as the leader is frozen', performance.now() - start);
  await expect.poll(() => workersOf([first, second, third])).toEqual([0, 0, 1]);
  for (const page of [first, second]) {
    await tell(page, 'resume');
    expect(await embed(page, QUESTION)).toBe(before);
  }
  expect(workersOf([first, second, third])).toEqual([0, 0, 1]);
});

test('an abort and an error’s code cross the pages', async () => {
  await open();
  const page = await open();
  const outcome = await page.evaluate(async (texts) => {
    const { embedder, sterna } = globalThis as unknown as PageScope;
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const aborted = await embedder
      .embed(texts, { signal: controller.signal, onProgress })
      .catch((error: Error) => error.name);
    const code = await embedder
      .embed('far '.repeat(2000), { truncate: 'error' })
      .catch((error) => error instanceof sterna.SternaError && error.code);
    return { aborted, code };
  }, TEXTS);
  expect(outcome).toEqual({ aborted: 'AbortError', code: 'text-too-long' });
});

test('what other pages could not have is refused', async () => {
  const page = await open();
  const messages = await page.evaluate(async () => {
    const { sterna } = globalThis as unknown as PageScope;
    const refusal = (options: Sterna.EmbedderOptions) =>
      sterna.Embedder.create({ ...options, shared: true }).then(
        () => 'shared',
        (error) => `${error.code}: ${error.message}`,
      );
    const worker = new Worker('/package/dist/worker.js', { type: 'module' });
    const refusals = [
      await refusal({ model: { 'config.json': new Blob(['{}']) } }),
      await refusal({ model: [new File(['{}'], 'config.json')] }),
      await refusal({ worker }),
    ];
    worker.terminate();
    return refusals;
  });
  expect(messages[0]).toMatch(
    /^invalid-input: model\.config\.json is an object \(Blob\); needed .*addresses/,
  );
  expect(messages[1]).toMatch(/^invalid-input: model\[0\] is an object \(File\)/);
  expect(messages[2]).toMatch(/^invalid-input: `worker` is given with shared: true; needed: `workerFactory`/);
});
