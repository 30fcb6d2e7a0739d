import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Hub, startHub } from '../../e2e/hub/server.mjs';
import { refusal } from '../loader/testing/refusal.ts';
import type { LoadProgress } from '../types.ts';
import { convert } from './commands/convert.ts';
import { Embedder } from './index.ts';

const PRECISIONS = ['f32', 'f16', 'q8', 'q4'] as const;
const folder = mkdtempSync(join(tmpdir(), 'sterna-'));
const packOf = (name: string) => join(folder, name);
const samples = join(folder, 'samples.txt');
const texts = [
  'Where do puffins nest?',
  'Der Zug zum Flughafen fährt um elf.',
  'Las gaviotas duermen en la playa.',
  '',
  'Wo nisten die Papageitaucher im Sommer?',
];
let hub: Hub;

beforeAll(async () => {
  writeFileSync(samples, texts.slice(1, 3).join('\n'));
  const onProgress = () => {};
  for (const precision of PRECISIONS)
    await convert({ model: 'nano', precision, output: packOf(precision), languages: [], onProgress });
  await convert({
    model: 'nano',
    precision: 'q8',
    output: packOf('pruned'),
    languages: [samples],
    onProgress,
  });
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  const folders = Object.fromEntries([...PRECISIONS, 'pruned'].map((name) => [name, packOf(name)]));
  hub = await startHub({ folders });
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  hub.faults.clear();
  hub.requests.length = 0;
});

async function vectors(options: object, all: readonly string[] = texts): Promise<Float32Array[]> {
  await using embedder = await Embedder.create({ device: 'wasm', threads: 1, ...options });
  const { embeddings } = await embedder.embed(all);
  return embeddings.map(({ values }) => values);
}

const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);

describe('a pack of nano', () => {
  test.each([
    ['f32', 1 - 1e-6],
    ['f16', 1 - 1e-6],
    ['q8', 0.999],
    ['q4', 0.98],
  ] as const)(
    'in %s keeps a cosine of %f, and is in the space of what it was made from',
    async (precision, least) => {
      const exact = await vectors({});
      const found = await vectors({ model: packOf(precision) });
      for (const [i, vector] of found.entries())
        expect(cosine(vector, exact[i]), texts[i]).toBeGreaterThan(least);
      await using whole = await Embedder.create({ device: 'wasm' });
      await using packed = await Embedder.create({ model: packOf(precision), device: 'wasm' });
      const space = async (one: Embedder) => (await one.embed('x')).space.id.replace(/^[^@]*/, '');
      expect(await space(packed)).toBe(await space(whole));
      expect(packed.report.precision).toBe(precision === 'f16' ? 'f32' : precision);
    },
  );

  test('of two languages reads their samples as before, and has fewer words', async () => {
    const manifest = JSON.parse(readFileSync(join(packOf('pruned'), 'sterna.json'), 'utf8'));
    expect(manifest.config.vocab_size).toBeLessThan(5000);
    const [found, exact] = [
      await vectors({ model: packOf('pruned') }),
      await vectors({ model: packOf('q8') }),
    ];
    expect(found.slice(1, 4)).toEqual(exact.slice(1, 4));
  });
});

describe('a pack behind an address', () => {
  const address = (name: string) => `${hub.url}/folder/${name}/`;

  test('has the same vectors, bit for bit, as on the disk', async () => {
    const found = await vectors({ model: address('q8'), keep: 'nothing' });
    expect(found).toEqual(await vectors({ model: packOf('q8') }));
  });

  test('is downloaded once', async () => {
    const first = await vectors({ model: address('q4') });
    // All that is needed later has come by now or is about to.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    hub.faults.set({ kind: 'offline' });
    expect(await vectors({ model: address('q4') })).toEqual(first);
  });

  test('gives rows after the signal of its load was aborted', async () => {
    const loading = new AbortController();
    const model = address('q4');
    await using embedder = await Embedder.create({
      model,
      device: 'wasm',
      keep: 'nothing',
      signal: loading.signal,
    });
    loading.abort();
    const { embeddings } = await embedder.embed(texts);
    expect(embeddings).toHaveLength(texts.length);
  });

  test('whose bytes are damaged once is got over, chunk by chunk', async () => {
    hub.faults.set({
      kind: 'corrupt',
      path: 'layers-00001-of-00001.safetensors',
      at: 2_500_000,
      times: 1,
      skip: 1,
    });
    const found = await vectors({ model: address('q8'), keep: 'nothing' });
    expect(found).toEqual(await vectors({ model: packOf('q8') }));
  });

  test('whose bytes stay damaged is refused, with the file and where', async () => {
    hub.faults.set({ kind: 'corrupt', path: 'layers-00001-of-00001.safetensors', at: 2_500_000 });
    expect(await refusal(() => vectors({ model: address('q8'), keep: 'nothing' }))).toMatch(
      /^corrupt-file: layers-00001-of-00001\.safetensors is damaged in its bytes 2097152 to 3145728/,
    );
  });

  test('tells how far the download is', async () => {
    const told: LoadProgress[] = [];
    const onProgress = (progress: LoadProgress) => void told.push(progress);
    await vectors({ model: address('q8'), keep: 'nothing', onProgress });
    const downloads = told.filter(({ phase, item }) => phase === 'download' && item === 'nano');
    expect(downloads.at(-1)!.loaded).toBe(downloads.at(-1)!.total);
    expect(downloads.every(({ loaded }, i) => i === 0 || loaded >= downloads[i - 1].loaded)).toBe(true);
  });

  test('that gives other vectors than it says is refused, or taken with a warning', async () => {
    const path = join(packOf('q8'), 'sterna.json');
    const before = readFileSync(path, 'utf8');
    const manifest = JSON.parse(before);
    manifest.golden[0].vector.reverse();
    writeFileSync(path, JSON.stringify(manifest));
    try {
      expect(await refusal(() => vectors({ model: packOf('q8') }))).toMatch(
        /^wrong-vectors: nano gives the token ids .* needed in q8: at least 0\.99/,
      );
      await using embedder = await Embedder.create({ model: packOf('q8'), device: 'wasm', golden: 'warn' });
      expect(embedder.report.notes.join()).toContain('whose cosine to the known one is');
    } finally {
      writeFileSync(path, before);
    }
  });
});

test('a repository that the hub does not give away is told with its answer', async () => {
  expect(
    await refusal(() => Embedder.create({ model: 'nobody/nothing', baseUrl: hub.url, keep: 'nothing' })),
  ).toMatch(/^network: http.*nobody\/nothing.* answers 401/);
});
