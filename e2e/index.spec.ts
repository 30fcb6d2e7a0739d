import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, type BrowserContext, expect, type Page, test } from '@playwright/test';
import type * as Sterna from '../src/index.ts';
import type { PassageEmbedder } from '../src/search/index-types.ts';

/** The built package in the page, as a script of the page would have it. */
interface PageScope {
  sterna: typeof Sterna;
  index: Sterna.SemanticIndex;
  wordEmbedder(options?: { revision?: number; dimensions?: number }): PassageEmbedder;
  /** Options of {@link Opening}, as the library takes them. */
  optionsOf(opening: Opening): Sterna.SemanticIndexOptions;
  /** A long call. */
  job: Promise<unknown>;
}

/** How a page opens an index. */
interface Opening {
  readonly name?: string;
  readonly revision?: number;
  readonly dimensions?: number;
  readonly threads?: number;
  readonly codes?: Sterna.SemanticIndexOptions['codes'];
  /** Script of its worker, in pages/workers/. */
  readonly worker?: string;
}

const NAME = 'birds';

let context: BrowserContext;

test.beforeEach(async ({ browser }) => {
  context = await browser.newContext();
});
test.afterEach(() => context.close());

/** Opens a page with the library. */
async function blank(origin = ''): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${origin}/pages/blank.html`);
  await prepare(page);
  return page;
}

async function prepare(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const scope = globalThis as unknown as PageScope;
    const [library, words] = ['sterna', '/pages/word-embedder.mjs'];
    scope.sterna = await import(library);
    ({ wordEmbedder: scope.wordEmbedder } = await import(words));
    scope.optionsOf = ({ revision, worker, ...options }) => ({
      embedder: scope.wordEmbedder({ revision, dimensions: options.dimensions }),
      workerFactory:
        worker === undefined
          ? undefined
          : () => new Worker(`/pages/workers/${worker}`, { type: 'module', name: 'sterna index' }),
      ...options,
    });
  });
}

/** Opens an index in a page. */
async function openIn(page: Page, opening: Opening = { name: NAME }): Promise<void> {
  await page.evaluate(async (opening) => {
    const scope = globalThis as unknown as PageScope;
    scope.index = await scope.sterna.SemanticIndex.open(scope.optionsOf(opening));
  }, opening);
}

/** Opens a page with an index. */
async function open(opening?: Opening): Promise<Page> {
  const page = await blank();
  await openIn(page, opening);
  return page;
}

/** Loads a page again, and opens the index that it had. */
async function reload(page: Page, opening?: Opening): Promise<void> {
  await page.reload();
  await prepare(page);
  await openIn(page, opening);
}

const documentOf = (i: number) => ({ id: `document ${i}`, text: `Bird number${i} flies from pole to pole.` });

/** Adds documents of these numbers in one call. */
const add = (page: Page, from: number, to: number) =>
  page.evaluate(
    (documents) => (globalThis as unknown as PageScope).index.add(documents),
    Array.from({ length: to - from }, (_, i) => documentOf(from + i)),
  );

/** Ids of what a query finds. */
const find = (page: Page, query: string, k = 1) =>
  page.evaluate(
    async ([query, k]) => {
      const hits = await (globalThis as unknown as PageScope).index.search(query, { k });
      return hits.map(({ id }) => id);
    },
    [query, k] as const,
  );

/** Ids of all documents, by their numbers. */
const ids = (page: Page) =>
  page.evaluate(async () => {
    const keys = await (globalThis as unknown as PageScope).index.keys();
    return [...keys].sort();
  });

const numbered = (count: number) => Array.from({ length: count }, (_, i) => documentOf(i).id).sort();

const reportOf = (page: Page) => page.evaluate(() => (globalThis as unknown as PageScope).index.report);

/** The code of the error that a call in the page ends with, or `fine`. */
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'fine',
    (error: Error) => /\[([a-z-]+)\]/.exec(error.message)?.[1] ?? error.message,
  );

/** Kills the process of a page, with nobody asked. */
async function crash(page: Page): Promise<void> {
  const session = await context.newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  session.send('Page.crash').catch(() => {}); // nobody is left to answer
  await crashed;
}

/** Sends SIGKILL to the process of a page: of all renderers it is the one that computes when the page is made to. */
async function kill(browser: Browser, page: Page): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  const timesOf = async () => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    return new Map(
      processInfo.filter(({ type }) => type === 'renderer').map(({ id, cpuTime }) => [id, cpuTime]),
    );
  };
  const before = await timesOf();
  await page.evaluate(() => {
    const end = performance.now() + 500;
    while (performance.now() < end);
  });
  const spent = [...(await timesOf())].map(([id, time]) => [id, time - (before.get(id) ?? 0)]);
  const [[pid]] = spent.sort(([, one], [, other]) => other - one);
  const crashed = page.waitForEvent('crash');
  process.kill(pid, 'SIGKILL');
  await crashed;
}

/** Keeps in the results how long something took; a machine that is busy with other things must not fail a test. */
function note(what: string, milliseconds: number): void {
  const description = `${Math.round(milliseconds)} ms`;
  test.info().annotations.push({ type: what, description });
  console.log(`    ${what}: ${description}`);
}

test.describe('an index with a name', () => {
  test('is there after a reload, in the browser’s own file system', async () => {
    const page = await open();
    await add(page, 0, 300);
    expect(await reportOf(page)).toMatchObject({ lasting: true, location: `sterna-indexes/${NAME}` });
    await reload(page);
    expect(await ids(page)).toEqual(numbered(300));
    expect(await find(page, 'number217')).toEqual(['document 217']);
    expect(
      await page.evaluate(async () =>
        (await navigator.storage.getDirectory())
          .getDirectoryHandle('sterna-indexes')
          .then(({ name }) => name),
      ),
    ).toBe('sterna-indexes');
    expect(await page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
  });

  test('is kept in IndexedDB where workers have no synchronous access to files', async () => {
    const opening = { name: NAME, worker: 'index-without-files.mjs' };
    const page = await open(opening);
    await add(page, 0, 300);
    await page.evaluate(() => (globalThis as unknown as PageScope).index.remove('document 5'));
    await page.evaluate(() => (globalThis as unknown as PageScope).index.compact());
    await add(page, 300, 310);
    await reload(page, opening);
    expect(await ids(page)).toEqual(numbered(310).filter((id) => id !== 'document 5'));
    expect(await find(page, 'number305')).toEqual(['document 305']);
    expect(await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).toEqual([
      `sterna-indexes/${NAME}`,
    ]);
  });

  test('may be called anything', async () => {
    const names = ['.', '..', 'a/b', 'Ünï çødé 🐦', '%2E', 'x'.repeat(60), 'CON', '\u0000'];
    for (const [i, name] of names.entries()) {
      const page = await open({ name });
      await add(page, i, i + 1);
      await reload(page, { name });
      expect(await ids(page), name).toEqual([documentOf(i).id]);
      await page.close();
    }
  });
});

test('an index without a name is gone with its page', async () => {
  const page = await open({});
  await add(page, 0, 10);
  expect(await reportOf(page)).toMatchObject({ lasting: false, location: 'memory', documents: 10 });
  await reload(page, {});
  expect(await ids(page)).toEqual([]);
});

test.describe('a search', () => {
  /** Ids and scores of hits of several queries, in several ways. */
  const answers = (page: Page) =>
    page.evaluate(async () => {
      const { index } = globalThis as unknown as PageScope;
      const answers: string[] = [];
      for (const query of ['number7 flies', 'pole number1234', 'bird', 'nothing of all that']) {
        for (const exact of [false, true]) {
          const hits = await index.search(query, { k: 20, exact });
          answers.push(hits.map(({ id, score }) => `${id} ${score}`).join());
        }
      }
      return answers;
    });

  /** Adds enough that an exact scan of it is worth more than one thread. */
  async function fill(page: Page): Promise<void> {
    await add(page, 0, 6000);
    await page.evaluate(() => (globalThis as unknown as PageScope).index.compact());
  }

  test('uses threads where the page is isolated, and relaxed SIMD, and finds the same without', async () => {
    test.slow();
    const first = await open({ name: NAME, threads: 2, dimensions: 256 });
    await fill(first);
    expect(await reportOf(first)).toMatchObject({ adapter: 'relaxed SIMD, 2 threads', passages: 6000 });
    const expected = await answers(first);
    await first.close();

    const plain = await open({
      name: NAME,
      threads: 2,
      dimensions: 256,
      worker: 'index-without-relaxed.mjs',
    });
    expect(await reportOf(plain)).toMatchObject({ adapter: 'SIMD, 2 threads' });
    expect(await answers(plain)).toEqual(expected);
    await plain.close();

    await context.route('**/blank.html', async (route) => {
      const response = await route.fetch();
      const { 'cross-origin-opener-policy': _, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
    const alone = await open({ name: NAME, threads: 2, dimensions: 256 });
    expect(await alone.evaluate(() => crossOriginIsolated)).toBe(false);
    expect(await reportOf(alone)).toMatchObject({ adapter: 'relaxed SIMD, 1 thread' });
    expect(await answers(alone)).toEqual(expected);
  });

  for (const codes of ['float32', 'int4', 'binary'] as const) {
    test(`of ${codes} finds the same with relaxed SIMD, without it, and with one thread`, async () => {
      const found: string[][] = [];
      for (const opening of [
        { threads: 2 },
        { threads: 1 },
        { threads: 2, worker: 'index-without-relaxed.mjs' },
      ]) {
        const page = await open({ ...opening, codes });
        await add(page, 0, 2000);
        await page.evaluate(() => (globalThis as unknown as PageScope).index.compact());
        found.push(await answers(page));
        await page.close();
      }
      expect(found[1]).toEqual(found[0]);
      expect(found[2]).toEqual(found[0]);
    });
  }
});

test.describe('tabs of one origin', () => {
  const workersOf = (pages: readonly Page[]) => pages.map((page) => page.workers().length > 0);

  test('have one index: what one adds, the other finds', async () => {
    const [first, second] = [await open(), await open()];
    await add(first, 0, 5);
    await add(second, 5, 10);
    for (const page of [first, second]) {
      expect(await find(page, 'number3')).toEqual(['document 3']);
      expect(await find(page, 'number7')).toEqual(['document 7']);
      expect(await ids(page)).toEqual(numbered(10));
    }
    expect(workersOf([first, second])).toEqual([true, false]);
    expect(await codeOf(add(second, 0, 1))).toBe('duplicate-id');
  });

  const ENDINGS: Record<string, (browser: Browser, page: Page) => Promise<unknown>> = {
    'is closed': (_, page) => page.close(),
    'goes elsewhere': (_, page) => page.goto('about:blank'),
    crashes: (_, page) => crash(page),
    'is killed by SIGKILL': kill,
  };

  for (const [ending, end] of Object.entries(ENDINGS)) {
    test(`when the one with the files ${ending}, the other goes on, and nothing is lost or done twice`, async ({
      browser,
    }) => {
      const [first, second] = [await open(), await open()];
      await add(first, 0, 50);
      await add(second, 50, 100);
      // Adds one by one without pause; how long each took.
      const adding = second.evaluate(async () => {
        const { index } = globalThis as unknown as PageScope;
        const times: number[] = [];
        for (let i = 100; i < 100_000 && !document.title.startsWith('enough'); i++) {
          const start = performance.now();
          await index.add({ id: `document ${i}`, text: `Bird number${i} flies from pole to pole.` });
          times.push(performance.now() - start);
        }
        return times;
      });
      await second.waitForTimeout(300);
      const ended = end(browser, first);
      await expect.poll(() => workersOf([second])).toEqual([true]);
      await ended;
      await second.waitForTimeout(300);
      await second.evaluate(() => {
        document.title = 'enough';
      });
      const times = await adding;
      note(`the longest of ${times.length} adds as the other tab ${ending}`, Math.max(...times));
      expect(Math.max(...times)).toBeLessThan(30_000);
      expect(await ids(second)).toEqual(numbered(100 + times.length));
      const { documents, passages, recovery } = await reportOf(second);
      expect(documents).toBe(100 + times.length);
      expect(passages).toBe(100 + times.length);
      expect(recovery).toMatchObject({ damagedRecords: 0 });
    });
  }

  test('when the one with the files hangs, the other takes them, and its calls are done exactly once', async () => {
    const [first, second] = [await open(), await open()];
    await add(first, 0, 50);
    const hangs = first.evaluate(() => {
      const { index } = globalThis as unknown as PageScope;
      const adding = index.add({ id: 'document 50', text: 'Bird number50' });
      const end = performance.now() + 5000;
      while (performance.now() < end);
      return adding;
    });
    await second.waitForTimeout(100);
    const start = performance.now();
    await add(second, 51, 60);
    note('an add as the other tab hangs', performance.now() - start);
    await hangs;
    for (const page of [first, second]) {
      expect(await ids(page)).toEqual(numbered(60));
      expect(await reportOf(page)).toMatchObject({ documents: 60, passages: 60 });
    }
  });

  test('go on without files, too, when the one with the index is killed', async ({ browser }) => {
    const opening = { name: NAME, worker: 'index-without-files.mjs' };
    const [first, second] = [await open(opening), await open(opening)];
    await add(first, 0, 50);
    await add(second, 50, 100);
    await kill(browser, first);
    const start = performance.now();
    await add(second, 100, 110);
    note('an add after the other tab was killed', performance.now() - start);
    expect(await ids(second)).toEqual(numbered(110));
  });
});

test.describe('a storage that is full', () => {
  for (const [kind, worker] of [
    ['files', undefined],
    ['IndexedDB', 'index-without-files.mjs'],
  ] as const) {
    test(`of ${kind} refuses with storage-full, and the index goes on with what it has`, async ({
      baseURL,
    }) => {
      const opening = { name: NAME, worker };
      const page = await blank();
      const session = await context.newCDPSession(page);
      const quota = (bytes?: number) =>
        session.send('Storage.overrideQuotaForOrigin', { origin: baseURL!, quotaSize: bytes });
      // Before anything else: Chromium asks only now and then how much room there is for a database.
      await quota(2 ** 21);
      await openIn(page, opening);
      await add(page, 0, 50);
      /** Adds a text of 6 MB that cannot be compressed. */
      const large = (id: string) =>
        page.evaluate((id) => {
          const bytes = Array.from({ length: 64 }, () => crypto.getRandomValues(new Uint16Array(2 ** 15)));
          const text = bytes.map((piece) =>
            String.fromCharCode(...piece.map((unit) => 0x4e00 + (unit & 0x3fff))),
          );
          return (globalThis as unknown as PageScope).index.add({ id, text: text.join(' ') });
        }, id);
      expect(await codeOf(large('first'))).toBe('storage-full');
      expect(await codeOf(large('second'))).toBe('storage-full');
      expect(await ids(page)).toEqual(numbered(50));
      expect(await find(page, 'number33')).toEqual(['document 33']);
      await reload(page, opening);
      expect(await ids(page)).toEqual(numbered(50));
      // A database takes room for what was undone, until the browser tidies up.
      if (kind === 'files') expect(await codeOf(add(page, 50, 60))).toBe('fine');
      await quota();
      if (kind === 'IndexedDB') expect(await codeOf(add(page, 50, 60))).toBe('fine');
      expect(await codeOf(large('third'))).toBe('fine');
      await reload(page, opening);
      expect(await ids(page)).toEqual([...numbered(60), 'third'].sort());
    });
  }
});

test.describe('an export', () => {
  /** The export of a page's index, as text. */
  const exportOf = (page: Page) =>
    page.evaluate(async () => {
      const file = (globalThis as unknown as PageScope).index.export();
      const bytes = new Uint8Array(await new Response(file).arrayBuffer());
      return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    });

  const importIn = (page: Page, file: string) =>
    page.evaluate((file) => {
      const bytes = Uint8Array.from(file, (byte) => byte.charCodeAt(0));
      return (globalThis as unknown as PageScope).index.import(bytes);
    }, file);

  test('of one tab can be brought in on another origin', async ({ baseURL }) => {
    const [leader, follower] = [await open(), await open()];
    await add(leader, 0, 400);
    await follower.evaluate(() => (globalThis as unknown as PageScope).index.remove('document 7'));
    const file = await exportOf(follower);
    const other = await blank(baseURL!.replace('localhost', 'other.localhost'));
    await openIn(other);
    await add(other, 1000, 1010);
    await importIn(other, file);
    await reload(other);
    expect(await ids(other)).toEqual(numbered(400).filter((id) => id !== 'document 7'));
    expect(await find(other, 'number217')).toEqual(['document 217']);
    expect(await ids(leader)).toEqual(await ids(other));
  });

  test('that is cut off is refused, and changes nothing', async () => {
    const page = await open();
    await add(page, 0, 400);
    const file = await exportOf(page);
    await add(page, 400, 410);
    for (const length of [3, 40, file.length >> 1, file.length - 1])
      expect(await codeOf(importIn(page, file.slice(0, length)))).toBe('corrupt-file');
    await reload(page);
    expect(await ids(page)).toEqual(numbered(410));
  });
});

test('embedding anew goes on after a reload in its middle, and both models answer in their time', async () => {
  const page = await open();
  await add(page, 0, 2000);
  /** Embeds for another model, which stops to answer after so many texts; tells how many documents there were to do. */
  const reindex = (most: number) =>
    page.evaluate(async (most) => {
      const { index, wordEmbedder } = globalThis as unknown as PageScope;
      const words = wordEmbedder({ revision: 2 });
      let texts = 0;
      const embed: typeof words.embed = (some, options) => {
        texts += some.length;
        return texts > most ? new Promise(() => {}) : words.embed(some, options);
      };
      const totals: number[] = [];
      const onProgress = ({ done, total }: { done: number; total: number }) => {
        document.title = `${done}`;
        totals.push(total);
      };
      await index.reindex({ embedder: { ...words, embed }, onProgress });
      return totals[0];
    }, most);
  const interrupted = reindex(700).catch(() => 'gone');
  await page.waitForFunction(() => Number(document.title) >= 512);
  expect(await find(page, 'number1217')).toEqual(['document 1217']);
  await reload(page);
  expect(await interrupted).toBe('gone');
  expect(await reportOf(page)).toMatchObject({ space: { id: 'words@1/64' } });
  expect(await find(page, 'number217')).toEqual(['document 217']);
  expect(await reindex(2000)).toBeLessThanOrEqual(2000 - 512);
  expect(await reportOf(page)).toMatchObject({ space: { id: 'words@2/64' }, documents: 2000 });
  expect(await find(page, 'number1217')).toEqual(['document 1217']);
  await reload(page, { name: NAME, revision: 2 });
  expect(await ids(page)).toEqual(numbered(2000));
  expect(await find(page, 'number1999')).toEqual(['document 1999']);
});

test('what another tab adds while documents are embedded anew is not lost', async () => {
  const [first, second] = [await open(), await open()];
  await add(first, 0, 50);
  // Adds one by one, until the vectors of its embedder do not fit any more.
  const adding = second.evaluate(async () => {
    const { index } = globalThis as unknown as PageScope;
    for (let i = 50; i < 300; i++) {
      const isAdded = await index.add({ id: `document ${i}`, text: `Bird number${i}` }).then(
        () => true,
        (error: Error) => !/space-mismatch/.test(error.name) && Promise.reject(error),
      );
      if (!isAdded) return i;
    }
    return 300;
  });
  await first.evaluate(() => {
    const { index, wordEmbedder } = globalThis as unknown as PageScope;
    return index.reindex({ embedder: wordEmbedder({ revision: 2 }) });
  });
  expect(await ids(first)).toEqual(numbered(await adding));
  expect(await reportOf(first)).toMatchObject({ space: { id: 'words@2/64' } });
});

test('a browser that is killed again and again loses nothing that it acknowledged', async () => {
  test.setTimeout(300_000);
  const command = fileURLToPath(new URL('kill.mjs', import.meta.url));
  // It fails with what is wrong.
  const { stdout } = await promisify(execFile)(process.execPath, [command, '--kills', '8', '--seed', '7']);
  console.log(stdout.trimEnd().replace(/^/gm, '    '));
});
