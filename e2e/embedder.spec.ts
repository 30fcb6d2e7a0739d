import { existsSync, readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import type * as Sterna from '../src/index.ts';

/** The built package in the page, as a script of the page would have it. */
interface PageScope {
  sterna: typeof Sterna;
  embedder: Sterna.Embedder;
}

interface Golden {
  readonly items: readonly {
    readonly text: string;
    readonly kind: string;
    readonly embedding: readonly number[];
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../models/nano/golden.json', import.meta.url), 'utf8'),
);

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

test.describe('an embedder in a worker on WebGPU', () => {
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    page = await browser.newPage();
    await page.goto('/pages/blank.html');
    await page.evaluate(async () => {
      const scope = globalThis as unknown as PageScope;
      const name = 'sterna';
      scope.sterna = await import(name);
      scope.embedder = await scope.sterna.Embedder.create({ device: 'webgpu' });
    });
  });

  test.afterAll(() => page.close());

  test('reproduces the golden vectors of nano, documents and queries', async () => {
    const vectors = await page.evaluate(
      async (texts) => {
        const { embedder } = globalThis as unknown as PageScope;
        const { embeddings } = await embedder.embed(texts);
        return embeddings.map(({ values }) => Array.from(values));
      },
      golden.items.map(({ text }) => text),
    );
    for (const [i, { text, embedding }] of golden.items.entries()) {
      expect(1 - cosine(vectors[i], embedding), text).toBeLessThan(1e-6);
    }
  });

  test('puts the model’s prefix before queries', async () => {
    const queries = golden.items.filter(({ kind }) => kind === 'query');
    const vectors = await page.evaluate(
      async (texts) => {
        const { embedder } = globalThis as unknown as PageScope;
        const { embeddings } = await embedder.embed(texts, { task: 'query' });
        return embeddings.map(({ values }) => Array.from(values));
      },
      queries.map(({ text }) => text.replace('query: ', '')),
    );
    for (const [i, { embedding }] of queries.entries())
      expect(1 - cosine(vectors[i], embedding)).toBeLessThan(1e-6);
  });

  test('gives a text the same bytes alone, in a batch of 32, and in reverse order', async () => {
    const texts = Array.from({ length: 32 }, (_, i) => 'Terns fly far. '.repeat(1 + ((i * 7) % 13)) + i);
    const same = await page.evaluate(async (all) => {
      const { embedder } = globalThis as unknown as PageScope;
      const batch = await embedder.embed(all);
      const reversed = await embedder.embed([...all].reverse());
      const differing: number[] = [];
      for (const i of [0, 5, 31]) {
        const alone = await embedder.embed(all[i]);
        const bytes = [alone.embeddings[0], batch.embeddings[i], reversed.embeddings[all.length - 1 - i]].map(
          ({ values }) =>
            Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).join(),
        );
        if (new Set(bytes).size !== 1) differing.push(i);
      }
      return differing;
    }, texts);
    expect(same).toEqual([]);
  });

  test('rejects with AbortError in the middle of a batch, and the next call works', async () => {
    const outcome = await page.evaluate(async () => {
      const { embedder } = globalThis as unknown as PageScope;
      const controller = new AbortController();
      const texts = Array.from(
        { length: 200 },
        (_, i) => `Sentence number ${i} about the weather in the mountains.`,
      );
      let seen = 0;
      const call = embedder.embed(texts, {
        signal: controller.signal,
        onProgress: ({ done }) => {
          seen = done;
          controller.abort();
        },
      });
      const name = await call.then(
        () => 'finished',
        (error: Error) => error.name,
      );
      const next = await embedder.embed('still there');
      return { name, seen, length: next.embeddings[0].values.length };
    });
    expect(outcome.name).toBe('AbortError');
    expect(outcome.seen).toBeGreaterThan(0);
    expect(outcome.seen).toBeLessThan(200);
    expect(outcome.length).toBe(256);
  });

  test('lets a query overtake a long batch', async () => {
    const order = await page.evaluate(async () => {
      const { embedder } = globalThis as unknown as PageScope;
      const finished: string[] = [];
      const texts = Array.from({ length: 120 }, (_, i) => `Background text number ${i}, one of very many.`);
      const batch = embedder.embed(texts).then(() => finished.push('batch'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      await embedder.embed('a short question', { task: 'query' }).then(() => finished.push('query'));
      await batch;
      return finished;
    });
    expect(order).toEqual(['query', 'batch']);
  });

  test('keeps the code of an error across the worker', async () => {
    const codes = await page.evaluate(async () => {
      const { embedder, sterna } = globalThis as unknown as PageScope;
      const codeOf = (promise: Promise<unknown>) =>
        promise.then(
          () => 'none',
          (error) => (error instanceof sterna.SternaError ? error.code : `other: ${error}`),
        );
      return {
        ids: await codeOf(embedder.embed(Uint32Array.of(0, 99999, 2))),
        tooLong: await codeOf(embedder.embed('far '.repeat(2000), { truncate: 'error' })),
        dimensions: await codeOf(embedder.embed('x', { dimensions: 7 })),
        missing: await codeOf(sterna.Embedder.create({ model: '/nowhere/' })),
      };
    });
    expect(codes).toEqual({
      ids: 'invalid-input',
      tooLong: 'text-too-long',
      dimensions: 'invalid-dimensions',
      missing: 'model-not-found',
    });
  });

  test('has an answer to every kind of odd text', async () => {
    const odd = ['', '🐦🌊🧭', '\u0000\u0007\u001b', '\ud800 alone \udfff', ' \t\n ', 'a'.repeat(100_000)];
    const answers = await page.evaluate(async (count) => {
      const { embedder } = globalThis as unknown as PageScope;
      const texts = [
        '',
        '🐦🌊🧭',
        '\u0000\u0007\u001b',
        '\ud800 alone \udfff',
        ' \t\n ',
        'a'.repeat(100_000),
      ].slice(0, count);
      const { embeddings } = await embedder.embed(texts);
      return embeddings.map(({ values, tokenCount, truncated }) => {
        const length = Math.hypot(...values);
        return { unit: Math.abs(length - 1) < 1e-6, tokenCount, truncated };
      });
    }, odd.length);
    expect(answers.every(({ unit }) => unit)).toBe(true);
    expect(answers[0]).toEqual({ unit: true, tokenCount: 2, truncated: false });
    expect(answers[5]).toEqual({ unit: true, tokenCount: 512, truncated: true });
  });

  test('searches documents across languages', async () => {
    const ids = await page.evaluate(async () => {
      const { embedder, sterna } = globalThis as unknown as PageScope;
      const index = await sterna.SemanticIndex.open({ embedder, dimensions: 128 });
      await index.add([
        { id: 'bus', text: 'The bus stops in front of the hospital.' },
        { id: 'cat', text: 'Our cat sleeps on the sofa all day.' },
      ]);
      const restored = await sterna.SemanticIndex.open({ embedder });
      await restored.import(index.export());
      const hits = await restored.search('Wo hält der Bus?');
      await Promise.all([index.dispose(), restored.dispose()]);
      return hits.map(({ id }) => id);
    });
    expect(ids).toEqual(['bus', 'cat']);
  });

  test('loads a model from an address, chosen files, Blobs, and a directory handle alike', async () => {
    const vectors = await page.evaluate(async () => {
      const { sterna } = globalThis as unknown as PageScope;
      const address = new URL('/package/models/nano/', location.href).href;
      const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
      const blobs = await Promise.all(names.map(async (name) => (await fetch(address + name)).blob()));
      const directory = await (await navigator.storage.getDirectory()).getDirectoryHandle('nano', {
        create: true,
      });
      for (const [i, name] of names.entries()) {
        const writable = await (await directory.getFileHandle(name, { create: true })).createWritable();
        await writable.write(blobs[i]);
        await writable.close();
      }
      const sources = [
        '/package/models/nano',
        new URL(address),
        names.map((name, i) => new File([blobs[i]], name)),
        Object.fromEntries(names.map((name, i) => [name, blobs[i]])),
        directory,
      ];
      const found: string[] = [];
      for (const model of sources) {
        const other = await sterna.Embedder.create({ model, device: 'reference' });
        found.push((await other.embed('tern')).embeddings[0].values.join());
        await other.dispose();
      }
      return found;
    });
    expect(vectors).toHaveLength(5);
    expect(new Set(vectors).size).toBe(1);
  });

  test('has the golden vectors on WebAssembly too, on one thread and on two', async () => {
    const found = await page.evaluate(
      async (texts) => {
        const { sterna } = globalThis as unknown as PageScope;
        const results: { adapter: string; vectors: number[][] }[] = [];
        for (const threads of [1, 2]) {
          const other = await sterna.Embedder.create({ device: 'wasm', threads });
          const { embeddings } = await other.embed(texts);
          const vectors = embeddings.map(({ values }) => Array.from(values));
          results.push({ adapter: other.report.adapter, vectors });
          await other.dispose();
        }
        return results;
      },
      golden.items.map(({ text }) => text),
    );
    expect(found.map(({ adapter }) => adapter)).toEqual([
      'relaxed SIMD, 1 thread',
      'relaxed SIMD, 2 threads',
    ]);
    expect(found[1].vectors).toEqual(found[0].vectors);
    for (const [i, { text, embedding }] of golden.items.entries())
      expect(1 - cosine(found[0].vectors[i], embedding), text).toBeLessThan(1e-9);
  });

  test('keeps to the stated cosine in every precision, the same bytes on any number of threads', async () => {
    const bounds = [
      [{ device: 'wasm', precision: 'q8', threads: 1 }, 0.9995],
      [{ device: 'wasm', precision: 'q8', threads: 2 }, 0.9995],
      [{ device: 'wasm', precision: 'auto', threads: 2 }, 0.9995],
      [{ device: 'webgpu', precision: 'q8' }, 0.9995],
      [{ device: 'webgpu', precision: 'q4' }, 0.98],
    ] as const;
    const found = await page.evaluate(
      async ({ options, texts }) => {
        const { sterna } = globalThis as unknown as PageScope;
        const results: { precision: string; vectors: number[][] }[] = [];
        for (const one of options) {
          const other = await sterna.Embedder.create(one);
          const { embeddings } = await other.embed(texts);
          const vectors = embeddings.map(({ values }) => Array.from(values));
          results.push({ precision: other.report.precision, vectors });
          await other.dispose();
        }
        return results;
      },
      { options: bounds.map(([options]) => options), texts: golden.items.map(({ text }) => text) },
    );
    expect(found.map(({ precision }) => precision)).toEqual(['q8', 'q8', 'q8', 'q8', 'q4']);
    expect(found[1].vectors).toEqual(found[0].vectors);
    for (const [i, [, bound]] of bounds.entries()) {
      for (const [k, { embedding }] of golden.items.entries())
        expect(cosine(found[i].vectors[k], embedding)).toBeGreaterThan(bound);
    }
  });

  test('tells the phases of a load in order', async () => {
    const phases = await page.evaluate(async () => {
      const { sterna } = globalThis as unknown as PageScope;
      const seen: string[] = [];
      const other = await sterna.Embedder.create({
        device: 'webgpu',
        onProgress: ({ phase }) => seen.push(phase),
      });
      await other.dispose();
      return [...new Set(seen)];
    });
    // Kernels are compiled beside the download.
    expect(phases).toContain('compile');
    const inOrder = phases.filter((phase) => phase !== 'compile');
    expect(inOrder).toEqual(['download', 'verify', 'check', 'upload', 'ready']);
  });

  test('runs in a worker that the page made itself', async () => {
    const lengths = await page.evaluate(async () => {
      const { sterna } = globalThis as unknown as PageScope;
      const make = () => new Worker('/package/dist/worker.js', { type: 'module' });
      const found: number[] = [];
      for (const options of [{ worker: make() }, { workerFactory: make }]) {
        const other = await sterna.Embedder.create({ ...options, device: 'reference' });
        found.push((await other.embed('tern')).embeddings[0].values.length);
        await other.dispose();
      }
      return found;
    });
    expect(lengths).toEqual([256, 256]);
  });

  test('says so when the worker does not start', async () => {
    const outcome = await page.evaluate(async () => {
      const { sterna } = globalThis as unknown as PageScope;
      const workerFactory = () => new Worker('/nowhere.js', { type: 'module' });
      return sterna.Embedder.create({ workerFactory }).then(
        () => 'started',
        (error) => `${error.code}: ${error.message}`,
      );
    });
    expect(outcome).toMatch(/^worker: The worker failed: .* give `worker` or `workerFactory`\.$/);
  });

  test('stops a load that is aborted', async () => {
    const name = await page.evaluate(async () => {
      const { sterna } = globalThis as unknown as PageScope;
      const controller = new AbortController();
      const onProgress = () => controller.abort();
      return sterna.Embedder.create({ device: 'reference', signal: controller.signal, onProgress }).then(
        () => 'loaded',
        (error: Error) => error.name,
      );
    });
    expect(name).toBe('AbortError');
    await expect.poll(() => page.workers().length).toBe(1);
  });

  test('gives its memory back on dispose, the worker’s and all', async () => {
    const measure = () =>
      page.evaluate(async () => {
        const asked = performance as Performance & {
          measureUserAgentSpecificMemory(): Promise<{ bytes: number }>;
        };
        return (await asked.measureUserAgentSpecificMemory()).bytes / 1e6;
      });
    const alone = () => expect.poll(() => page.workers().length).toBe(1);
    await alone();
    const before = await measure();
    for (const options of [
      { device: 'wasm' },
      { device: 'wasm', precision: 'q8', threads: 2 },
      { device: 'webgpu' },
    ]) {
      await page.evaluate(async (given) => {
        const { sterna } = globalThis as unknown as PageScope;
        const scope = globalThis as unknown as { other: Sterna.Embedder };
        scope.other = await sterna.Embedder.create(given as Sterna.EmbedderOptions);
        for (let i = 0; i < 20; i++) await scope.other.embed(`terns fly far ${i}`);
      }, options);
      expect(await measure()).toBeGreaterThan(before + 10);
      await page.evaluate(async () => {
        const scope = globalThis as unknown as { other?: Sterna.Embedder };
        await scope.other?.dispose();
        scope.other = undefined;
      });
      await alone();
      // A worker that is about to end is asked in vain; the browser takes a moment to end it.
      await page.waitForTimeout(2000);
      expect(await measure()).toBeLessThan(before + 10);
    }
  });

  test('ends the worker on dispose, and rejects what was under way', async () => {
    const outcome = await page.evaluate(async () => {
      const { sterna } = globalThis as unknown as PageScope;
      const other = await sterna.Embedder.create({ device: 'reference' });
      const call = other.embed('never finished '.repeat(300));
      await other.dispose();
      await other.dispose();
      const codeOf = (promise: Promise<unknown>) =>
        promise.then(
          () => 'none',
          (error) => error.code,
        );
      return [await codeOf(call), await codeOf(other.embed('too late'))];
    });
    expect(outcome).toEqual(['disposed', 'disposed']);
    await expect.poll(() => page.workers().length).toBe(1);
  });
});

/** Random-weight checkpoints with the vectors of a float64 reference, and ONNX exports of the same weights. */
const fixtures = new URL('../../shared/fixtures/', import.meta.url);

test.describe('onnxruntime as a second opinion', () => {
  test.skip(!existsSync(fixtures), 'the fixtures are not here');

  for (const name of ['xlmr-tiny', 'gte-tiny']) {
    test(`${name}: transformers.js on the same weights agrees`, async ({ page }) => {
      const { cases } = JSON.parse(readFileSync(new URL(`${name}/cases.json`, fixtures), 'utf8')) as {
        cases: { ids: number[]; embedding: number[] }[];
      };
      // On a software adapter a long text takes long; the command line is tested with all lengths.
      const short = cases.filter(({ ids }) => ids.length <= 300);
      await page.goto('/pages/second-opinion.html');
      await expect(page).toHaveTitle('ready');
      const { ours, theirs } = await page.evaluate(
        ([model, sequences]) =>
          (globalThis as unknown as { compare: CompareFunction }).compare(model, sequences),
        [name, short.map(({ ids }) => ids)] as const,
      );
      expect(ours.length).toBe(short.length);
      for (const [i, { embedding }] of short.entries()) {
        expect(1 - cosine(ours[i], theirs[i]), `case ${i} against onnxruntime`).toBeLessThan(1e-6);
        expect(1 - cosine(ours[i], embedding), `case ${i} against float64`).toBeLessThan(1e-9);
      }
    });
  }
});

type CompareFunction = (
  model: string,
  ids: readonly number[][],
) => Promise<{ ours: number[][]; theirs: number[][] }>;
