import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SternaErrorCode } from './errors.ts';
import { nodeGpu } from './node/gpu.ts';
import { Embedder } from './node/index.ts';
import type { Device, EmbedInput, EmbedOptions, LoadProgress, Output } from './types.ts';

interface Golden {
  readonly items: readonly {
    readonly text: string;
    readonly kind: string;
    readonly ids: readonly number[];
    readonly embedding: readonly number[];
  }[];
}

const nano = new URL('../models/nano/', import.meta.url);
const { items }: Golden = JSON.parse(readFileSync(new URL('golden.json', nano), 'utf8'));
const gpu = await nodeGpu().catch(() => undefined);

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

const bytesOf = ({ values }: { values: Float32Array }) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

describe.each<[Device, boolean]>([
  ['reference', true],
  ['wasm', true],
  ['webgpu', gpu !== undefined],
])('nano on %s (WebGPU is skipped where Node finds no adapter)', (device, here) => {
  let embedder: Embedder;
  beforeAll(async () => {
    if (here) embedder = await Embedder.create({ device });
  });
  afterAll(() => embedder?.dispose());

  test.skipIf(!here)(
    'has the golden vectors, to 1 − cosine ≤ 1e-6, and their numbers of tokens',
    async () => {
      const { embeddings } = await embedder.embed(items.map(({ text }) => text));
      for (const [i, { values, tokenCount, truncated }] of embeddings.entries()) {
        expect(1 - cosine(values, items[i].embedding), items[i].text).toBeLessThan(1e-6);
        expect([tokenCount, truncated]).toEqual([items[i].ids.length, false]);
      }
    },
  );

  test.skipIf(!here)('puts the prefix of its configuration before queries', async () => {
    const queries = items.filter(({ kind }) => kind === 'query');
    const { embeddings } = await embedder.embed(
      queries.map(({ text }) => text.replace(/^query: /, '')),
      { task: 'query' },
    );
    for (const [i, { values }] of embeddings.entries())
      expect(1 - cosine(values, queries[i].embedding)).toBeLessThan(1e-6);
  });

  test.skipIf(!here)(
    'a text has the same bytes alone, among 32 of mixed lengths, in reverse order, and as ids',
    async () => {
      const texts = Array.from(
        { length: 32 },
        (_, i) => `${'Terns fly far. '.repeat(1 + ((i * 5) % 9))}${i}`,
      );
      texts[3] = '';
      texts[4] = items[0].text;
      const batch = (await embedder.embed(texts)).embeddings.map(bytesOf);
      const reversed = (await embedder.embed([...texts].reverse())).embeddings.map(bytesOf);
      expect(reversed.reverse()).toEqual(batch);
      for (const i of [0, 3, 4, 17]) {
        const alone = (await embedder.embed(texts[i])).embeddings.map(bytesOf);
        expect(alone).toEqual([batch[i]]);
      }
      expect((await embedder.embed(items[0].ids)).embeddings.map(bytesOf)).toEqual([batch[4]]);
    },
  );
});

describe('an embedder', () => {
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await Embedder.create({ device: 'reference' });
  });
  afterAll(() => embedder.dispose());

  /** The code that a call is refused with, and its words. */
  async function refused(input: unknown, options: object = {}): Promise<[SternaErrorCode, string]> {
    const error = await embedder.embed(input as EmbedInput, options).catch((reason) => reason);
    return [error.code, error.message];
  }

  test('reports its model and its device', () => {
    expect(embedder.report).toMatchObject({
      model: 'nano',
      family: 'xlm-roberta',
      layers: 4,
      dimensions: 256,
      trainedDimensions: [256, 128, 64],
      maxTokens: 512,
      prompts: { query: 'query: ', document: '' },
      device: 'reference',
      adapter: '',
      precision: 'f32',
    });
  });

  test('gives an empty list for an empty list', async () => {
    const { embeddings, space } = await embedder.embed([]);
    expect(embeddings).toEqual([]);
    expect(space.id).toMatch(/^nano@[0-9a-f]{16}\/256$/);
  });

  test('cuts before it normalises, for the sizes that the model was trained for', async () => {
    const [whole] = (await embedder.embed('tern')).embeddings;
    for (const dimensions of [128, 64]) {
      const { embeddings, space } = await embedder.embed('tern', { dimensions });
      const { values } = embeddings[0];
      expect(values).toHaveLength(dimensions);
      expect(Math.hypot(...values)).toBeCloseTo(1, 6);
      expect(1 - cosine(values, whole.values.subarray(0, dimensions))).toBeLessThan(1e-12);
      expect(space.id.endsWith(`/${dimensions}`)).toBe(true);
    }
  });

  test('gives another size only to those who ask for it twice', async () => {
    expect(await refused('tern', { dimensions: 100 })).toEqual([
      'invalid-dimensions',
      'nano was not trained to be cut to 100 dimensions; needed: 256, 128, 64, or allowUntrainedDimensions: true.',
    ]);
    const options = { dimensions: 100, allowUntrainedDimensions: true };
    expect((await embedder.embed('tern', options)).embeddings[0].values).toHaveLength(100);
  });

  test.each([0, 99999, -64, 64.5, Number.NaN, '64', null])('refuses dimensions: %j', async (dimensions) => {
    for (const allowUntrainedDimensions of [false, true]) {
      const [code, words] = await refused('tern', { dimensions, allowUntrainedDimensions });
      expect(code).toBe('invalid-dimensions');
      expect(words).toBe(`dimensions is ${dimensions}; needed for nano: 256, 128, 64.`);
    }
  });

  test('refuses dimensions: 7, which no model was trained for', async () => {
    expect((await refused('tern', { dimensions: 7 }))[0]).toBe('invalid-dimensions');
  });

  test.each([
    ['task', 'search'],
    ['output', 'float16'],
    ['truncate', 'start'],
    ['specialTokens', true],
    ['priority', 'high'],
  ])('refuses %s: %j', async (name, value) => {
    const [code, words] = await refused('tern', { [name]: value });
    expect(code).toBe('invalid-input');
    expect(words).toMatch(new RegExp(`^${name} is .*; needed: "`));
  });

  test.each([
    [undefined, 'The input is undefined'],
    [null, 'The input is null'],
    [7, 'The input is a number'],
    [{ text: 'tern' }, 'The input is an object \\(Object\\)'],
    [['tern', 7], 'Input 1 is a number'],
    [['tern', null], 'Input 1 is null'],
    [[[0, 1.5, 2]], 'Input 0: token id 1 is 1.5'],
    [[0, -1, 2], 'Input 0: token id 1 is -1'],
    [['tern', [0, 32001, 2]], 'Input 1: token id 1 is 32001; needed: a whole number from 0 to 32000'],
    [['tern', []], 'Input 1 is a list of no token ids'],
    [[new Uint32Array(0)], 'Input 0 is a list of no token ids'],
  ])('refuses the input %j', async (input, words) => {
    const [code, said] = await refused(input);
    expect(code).toBe('invalid-input');
    expect(said).toMatch(new RegExp(`^${words}`));
  });

  test.each([
    ['an empty string', '', 2],
    ['white space', ' \n\t\u3000', 2],
    ['lone surrogates', 'a\ud800b\udc00', undefined],
    ['emoji alone', '🦆🏳️‍🌈👩‍👩‍👧', undefined],
    ['control characters', '\u0000\u0001\u007f\u009f', undefined],
  ])('gives %s a vector of unit length', async (_, text, tokens) => {
    for (const task of ['query', 'document'] as const) {
      const [{ values, tokenCount, truncated }] = (await embedder.embed(text, { task })).embeddings;
      expect(Math.hypot(...values)).toBeCloseTo(1, 6);
      expect(truncated).toBe(false);
      if (tokens !== undefined && task === 'document') expect(tokenCount).toBe(tokens);
    }
  });

  test('cuts a text of 100,000 characters at its end and says so, or refuses it', async () => {
    const text = 'The tern is on its way. '.repeat(4167);
    const [{ tokenCount, truncated }] = (await embedder.embed(text)).embeddings;
    expect([tokenCount, truncated]).toEqual([512, true]);
    expect(await refused(['short', text], { truncate: 'error' })).toEqual([
      'text-too-long',
      'Input 1 has more tokens than the 512 that nano takes. Cut it into passages, or let truncate: "end" cut it.',
    ]);
  });

  test('keeps the first ids and the last of too many', async () => {
    const ids = [0, ...Array.from({ length: 600 }, (_, i) => 5 + i), 2];
    const cut = [...ids.slice(0, 511), 2];
    const { embeddings } = await embedder.embed([ids, cut]);
    expect(embeddings.map(({ truncated }) => truncated)).toEqual([true, false]);
    expect(bytesOf(embeddings[0])).toBe(bytesOf(embeddings[1]));
    expect((await refused([ids], { truncate: 'error' }))[0]).toBe('text-too-long');
  });

  test.each<[Output, number]>([
    ['int8', 0.9999],
    ['int4', 0.98],
    ['binary', 0.6],
  ])('gives %s vectors that point the same way', async (output, least) => {
    const [exact] = (await embedder.embed('Where do puffins nest?')).embeddings;
    const options: EmbedOptions<Output> = { output };
    const [{ values, scale }] = (await embedder.embed('Where do puffins nest?', options)).embeddings;
    const floats = Array.from(exact.values, (_, i) => {
      if (output === 'int8') return values[i] * scale;
      if (output === 'binary') return (values[i >> 3] >> (7 - (i & 7))) & 1 ? 1 : -1;
      const half = (values[i >> 1] >> (i % 2 === 0 ? 0 : 4)) & 0xf;
      return (half < 8 ? half : half - 16) * scale;
    });
    expect(cosine(floats, exact.values)).toBeGreaterThan(least);
  });

  test('reads </s> in a text as the token, or as what is written', async () => {
    const [parsed] = (await embedder.embed('end </s> of')).embeddings;
    const [written] = (await embedder.embed('end </s> of', { specialTokens: 'text' })).embeddings;
    expect(written.tokenCount).toBeGreaterThan(parsed.tokenCount);
  });

  test('rejects with the reason of the signal, before and during the work, and goes on working', async () => {
    const reason = new Error('The user typed on');
    await expect(embedder.embed('tern', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const texts = Array.from(
      { length: 100 },
      (_, i) => `Text number ${i} about the sea and the sky above it.`,
    );
    let seen = 0;
    const onProgress = ({ done }: { done: number }) => {
      seen = done;
      controller.abort();
    };
    const call = embedder.embed(texts, { signal: controller.signal, onProgress });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(100);
    expect((await embedder.embed('tern')).embeddings).toHaveLength(1);
  });

  test('lets a short call overtake a long one', async () => {
    const finished: string[] = [];
    const texts = Array.from(
      { length: 60 },
      (_, i) => `Text number ${i}, one of a great many in the background.`,
    );
    const long = embedder.embed(texts).then(() => finished.push('long'));
    await embedder.embed('tern').then(() => finished.push('short'));
    await long;
    expect(finished).toEqual(['short', 'long']);
  });

  test('lets an interactive call overtake all background calls', async () => {
    const finished: string[] = [];
    const texts = (word: string) =>
      Array.from({ length: 30 }, (_, i) => `${word} number ${i} of a great many in the back.`);
    const long = ['first', 'second', 'third'].map((word) =>
      embedder.embed(texts(word), { priority: 'background' }).then(() => finished.push(word)),
    );
    await embedder.embed('tern').then(() => finished.push('interactive'));
    await Promise.all(long);
    expect(finished[0]).toBe('interactive');
  });

  test('embeds a stream in order, with the vectors of embed, reading little ahead', async () => {
    const texts = Array.from({ length: 150 }, (_, i) => `Bird ${i}`);
    let read = 0;
    async function* source() {
      for (const text of texts) {
        read++;
        yield text;
      }
    }
    const found: string[] = [];
    for await (const embedding of embedder.embedMany(source())) {
      if (found.length === 0) expect(read).toBeLessThanOrEqual(128);
      found.push(bytesOf(embedding));
    }
    expect(found).toEqual((await embedder.embed(texts)).embeddings.map(bytesOf));
  });

  test('embeds a stream up to the group with a bad text, and takes lists and nothing', async () => {
    const texts = [...Array.from({ length: 70 }, (_, i) => `Bird ${i}`), 7 as unknown as string];
    let count = 0;
    const all = async () => {
      for await (const { values } of embedder.embedMany(texts)) count += values.length > 0 ? 1 : 0;
    };
    await expect(all()).rejects.toMatchObject({ code: 'invalid-input' });
    expect(count).toBe(64);
    for await (const _ of embedder.embedMany([])) expect.unreachable();
  });

  test('cuts texts into passages by its own count of tokens', async () => {
    const text = 'The tern is small. It flies far. '.repeat(20);
    const [passages, none] = await embedder.chunk([text, ' '], { maxTokens: 20 });
    expect(none).toEqual([]);
    for (const { tokenCount, text: words, start, end } of passages) {
      expect(tokenCount).toBeLessThanOrEqual(20);
      expect(text.slice(start, end)).toBe(words);
    }
    await expect(embedder.chunk([text], { maxTokens: 0 })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(embedder.chunk([7 as unknown as string], { maxTokens: 9 })).rejects.toMatchObject({
      code: 'invalid-input',
      message: 'Text 0 is a number; needed: a string.',
    });
  });
});

describe('creating an embedder', () => {
  const path = fileURLToPath(nano);

  test('tells of every phase, in order, each up to its total', async () => {
    const told: LoadProgress[] = [];
    const embedder = await Embedder.create({ device: 'reference', onProgress: (step) => told.push(step) });
    await embedder.dispose();
    expect([...new Set(told.map(({ phase }) => phase))]).toEqual(['verify', 'check', 'upload', 'ready']);
    const uploads = told.filter(({ phase }) => phase === 'upload');
    expect(uploads.at(-1)!.loaded).toBe(uploads.at(-1)!.total);
  });

  test.each([
    [{ device: 'gpu' }, 'invalid-input'],
    [{ batchTokens: 0 }, 'invalid-input'],
    [{ batchTokens: 1e9 }, 'invalid-input'],
    [{ threads: 0 }, 'invalid-input'],
    [{ threads: 1.5 }, 'invalid-input'],
    [{ model: `${path}nowhere` }, 'model-not-found'],
    [{ model: { 'config.json': new Blob(['{']) } }, 'corrupt-file'],
    [{ model: { 'config.json': new Blob(['{"model_type":"bert"}']) } }, 'unsupported-model'],
  ])('with %j is refused: %s', async (options, code) => {
    await expect(Embedder.create({ device: 'reference', ...options } as object)).rejects.toMatchObject({
      code,
    });
  });

  test('stops when it is aborted', async () => {
    const controller = new AbortController();
    const onProgress = ({ phase }: LoadProgress) => phase === 'upload' && controller.abort();
    const call = Embedder.create({ device: 'reference', signal: controller.signal, onProgress });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('without tokenizer.json takes ids, and refuses texts', async () => {
    const file = (name: string) => `${path}${name}`;
    const model = { 'config.json': file('config.json'), 'model.safetensors': file('model.safetensors') };
    await using embedder = await Embedder.create({ model, device: 'reference' });
    const [{ values }] = (await embedder.embed(items[0].ids)).embeddings;
    expect(1 - cosine(values, items[0].embedding)).toBeLessThan(1e-6);
    await expect(embedder.embed('tern')).rejects.toMatchObject({ code: 'no-tokenizer' });
  });
});

test('q8 keeps nano’s vectors to a cosine of 0.9995, and they are the same in any batch', async () => {
  await using embedder = await Embedder.create({ device: 'wasm', precision: 'q8', threads: 2 });
  expect(embedder.report.precision).toBe('q8');
  const { embeddings } = await embedder.embed(items.map(({ text }) => text));
  for (const [i, { values }] of embeddings.entries())
    expect(cosine(values, items[i].embedding), items[i].text).toBeGreaterThan(0.9995);
  const [alone] = (await embedder.embed(items[7].text)).embeddings;
  expect(bytesOf(alone)).toBe(bytesOf(embeddings[7]));
});

test.each([
  ['wasm', 'f16'],
  ['wasm', 'int8'],
])('on %s, precision %s is refused', async (device, precision) => {
  await expect(Embedder.create({ device, precision } as object)).rejects.toMatchObject({
    code: 'invalid-input',
  });
});

test('auto is WebAssembly where there is no GPU, and says why', async () => {
  await using embedder = await Embedder.create({ threads: 2 });
  const { device, adapter, notes } = embedder.report;
  if (device === 'webgpu') return; // a machine with a GPU
  expect([device, adapter]).toEqual(['wasm', expect.stringMatching(/^(relaxed )?SIMD, 2 threads$/)]);
  expect(notes[0]).toMatch(/^Not on webgpu in f32: /);
  expect(embedder.report.deviation).toBeLessThan(1e-9);
});

test('a disposed embedder refuses, also what was under way, and may be disposed of twice', async () => {
  const embedder = await Embedder.create({ device: 'reference' });
  const texts = Array.from({ length: 50 }, (_, i) => `Text number ${i} about the sea.`);
  const underWay = embedder.embed(texts);
  await embedder.dispose();
  await embedder.dispose();
  await expect(underWay).rejects.toMatchObject({ code: 'disposed' });
  await expect(embedder.embed('tern')).rejects.toMatchObject({ code: 'disposed' });
  await expect(embedder.chunk(['tern'], { maxTokens: 9 })).rejects.toMatchObject({ code: 'disposed' });
});

test('models that differ in one bias have different spaces', async () => {
  const weights = new Uint8Array(readFileSync(new URL('model.safetensors', nano)));
  const header = JSON.parse(
    new TextDecoder().decode(weights.subarray(8, 8 + new DataView(weights.buffer).getUint32(0, true))),
  );
  const start = 8 + new DataView(weights.buffer).getUint32(0, true);
  const other = weights.slice();
  other[start + header['encoder.layer.0.output.dense.bias'].data_offsets[0]] ^= 1;
  const config = new Blob([readFileSync(new URL('config.json', nano))]);
  const spaces = await Promise.all(
    [weights, weights, other].map(async (bytes) => {
      const model = { 'config.json': config, 'model.safetensors': new Blob([bytes]) };
      await using embedder = await Embedder.create({ model, device: 'reference' });
      return (await embedder.embed([])).space.revision;
    }),
  );
  expect(spaces[0]).toBe(spaces[1]);
  expect(spaces[0]).not.toBe(spaces[2]);
});

test('q4 on wasm keeps nano’s vectors to a cosine of 0.995', async () => {
  await using embedder = await Embedder.create({ device: 'wasm', precision: 'q4', threads: 1 });
  expect(embedder.report.precision).toBe('q4');
  const { embeddings } = await embedder.embed(items.map(({ text }) => text));
  for (const [i, { values }] of embeddings.entries()) {
    expect(cosine(values, items[i].embedding), items[i].text).toBeGreaterThan(0.995);
  }
});
