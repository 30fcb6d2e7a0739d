import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Family, type RandomModel, randomModel } from '../../e2e/hub/random-model.mjs';
import { type Hub, startHub } from '../../e2e/hub/server.mjs';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import { encode } from '../encoder/encoder.ts';
import { loadWeights } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import { pack } from '../text/pack.ts';
import type { Precision } from '../types.ts';
import { readAll } from './files.ts';
import { hubFolder, type RemoteFolder } from './hub.ts';
import { type ModelFolder, openModel } from './model-folder.ts';
import { MemoryStorage } from './storage/memory.ts';
import { OverflowStorage } from './storage/overflow.ts';
import { writeWhole } from './storage/storage.ts';
import { LibraryRoom } from './testing/library-room.ts';
import { refusal } from './testing/refusal.ts';
import { webFiles } from './web-files.ts';

const FAMILIES: readonly Family[] = ['gte', 'xlm-roberta'];
const models = Object.fromEntries(FAMILIES.map((family) => [family, randomModel({ family, size: 'small' })]));
/** A word table of some megabytes, to be interrupted in. */
const large = randomModel({
  family: 'gte',
  size: { vocabulary: 40_000, hidden: 128, heads: 2, intermediate: 256 },
});
let hub: Hub;

beforeAll(async () => {
  hub = await startHub({
    models: { 'test/gte': models.gte, 'test/xlm-roberta': models['xlm-roberta'], 'test/large': large },
  });
});
afterAll(() => hub.close());
afterEach(() => {
  hub.faults.clear();
  hub.requests.length = 0;
});

/** A repository at its commit, which never changes, or at its branch. */
const at = (name: string, { commit }: RandomModel, revision = commit): RemoteFolder =>
  hubFolder(`test/${name}`, { revision, baseUrl: hub.url });

const sent = (path: string) =>
  hub.requests.filter((request) => request.path.includes(path)).reduce((sum, { bytes }) => sum + bytes, 0);

async function vectors(
  { config, checkpoint }: ModelFolder,
  precision: Precision = 'f32',
): Promise<Float32Array> {
  const backend = new ReferenceBackend(precision);
  await backend.prepare(config);
  const weights = await loadWeights(config, checkpoint, backend);
  const last = config.vocabularySize - 1;
  return encode(
    backend,
    config,
    weights,
    pack([Uint32Array.of(0, 7, 99, last, 2), Uint32Array.of(0, 500, 2)]),
  );
}

/** The vectors of a model whose files are taken as they are. */
const direct = async (name: string, { commit }: RandomModel): Promise<Float32Array> =>
  vectors(await openModel(webFiles(`${hub.url}/test/${name}/resolve/${commit}/`)));

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe.each(FAMILIES)('%s from a repository', (family) => {
  test('in f32 has the weights of model.safetensors, bit for bit', async () => {
    const model = await new LibraryRoom().open(at(family, models[family]));
    expect(await vectors(model)).toEqual(await direct(family, models[family]));
    expect(model.revision).toBe(models[family].commit.slice(0, 16));
    expect(sent('onnx')).toBe(0);
  });

  test.each([
    ['f16', 0.99999],
    ['q8', 0.998],
    ['q4', 0.9],
  ] as const)('in %s comes from the fp16 ONNX file, and keeps a cosine of %f', async (precision, least) => {
    const model = await new LibraryRoom().open(at(family, models[family]), { precision });
    expect(model.precision).toBe(precision);
    expect(sent('model.safetensors')).toBe(0);
    const found = await vectors(model, precision);
    expect(cosine(found, await direct(family, models[family]))).toBeGreaterThan(least);
  });

  test('is not asked for again at the next visit', async () => {
    const room = new LibraryRoom();
    const first = await vectors(await room.open(at(family, models[family])));
    hub.requests.length = 0;
    hub.faults.set({ kind: 'offline' });
    expect(await vectors(await room.open(at(family, models[family])))).toEqual(first);
    expect(hub.requests).toEqual([]);
  });
});

describe('a folder that may change', () => {
  test('is converted again when its file is another one', async () => {
    const room = new LibraryRoom();
    const first = await vectors(await room.open(at('gte', models.gte, 'main')));
    const again = await room.open(at('gte', models.gte, 'main'));
    expect(await vectors(again)).toEqual(first);
    hub.faults.set({ kind: 'change', path: 'model.safetensors' });
    const changed = await room.open(at('gte', models.gte, 'main'));
    expect(cosine(await vectors(changed), first)).toBeLessThan(0.9);
  });

  test('is taken as it was where there is no connection, and says so', async () => {
    const room = new LibraryRoom();
    const first = await vectors(await room.open(at('gte', models.gte, 'main')));
    hub.faults.set({ kind: 'offline' });
    const model = await room.open(at('gte', models.gte, 'main'));
    expect(await vectors(model)).toEqual(first);
    expect(model.notes?.[0]).toMatch(/^The server was not reached; this is the model as it was/);
  });
});

/** Seeded places in a file. */
const places = (count: number, size: number) =>
  Array.from({ length: count }, (_, i) =>
    Math.floor(((Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32) * size),
  );

describe('a connection that breaks', () => {
  const { size } = large.files.get('model.safetensors')!;

  test('at any of 20 places is taken up at that byte', async () => {
    const expected = await direct('large', large);
    for (const after of places(20, 4 * 2 ** 20)) {
      hub.requests.length = 0;
      hub.faults.set({ kind: 'cut', path: 'model.safetensors*', after, skip: 4, times: 3 });
      const model = await new LibraryRoom().open(at('large', large));
      expect(await vectors(model)).toEqual(expected);
      // What the server had handed over and the connection lost does not count against it.
      expect(sent('model.safetensors')).toBeLessThan(size + 3 * 2 ** 20);
    }
  });

  test('every hundred kilobytes ends in the same model', async () => {
    hub.faults.set({ kind: 'cut', path: 'model.safetensors*', after: 1e5 });
    const model = await new LibraryRoom().open(at('gte', models.gte));
    hub.faults.clear();
    expect(await vectors(model)).toEqual(await direct('gte', models.gte));
  });

  test('and never comes back is given up, with the address and what to do', async () => {
    hub.faults.set({ kind: 'offline', path: 'model.safetensors*' });
    expect(await refusal(() => new LibraryRoom().open(at('gte', models.gte)))).toMatch(
      /^network: http.*model\.safetensors cannot be downloaded: .*Check the address and the connection/,
    );
  });

  test('by sending nothing any more is taken for broken', async () => {
    hub.faults.set({ kind: 'stall', path: 'model.safetensors*', after: 1000, skip: 3, times: 1 });
    const model = await new LibraryRoom().open(at('gte', models.gte));
    expect(await vectors(model)).toEqual(await direct('gte', models.gte));
  });
});

describe.each(['f32', 'q8'] as const)('a visit that ends in mid-download, in %s', (precision) => {
  test('at any of 20 moments goes on at the next one', async () => {
    const path = precision === 'f32' ? 'model.safetensors' : 'model_fp16.onnx';
    const { size } = large.files.get(precision === 'f32' ? path : `onnx/${path}`)!;
    const expected = await vectors(
      await new LibraryRoom().open(at('large', large), { precision }),
      precision,
    );
    for (const moment of places(20, size)) {
      const room = new LibraryRoom();
      const visit = new AbortController();
      const onProgress = ({ item, loaded }: { item: string; loaded: number }) => {
        if (item.endsWith(path) && loaded >= moment) visit.abort();
      };
      await room.open(at('large', large), { precision, signal: visit.signal, onProgress }).catch((error) => {
        expect(error.name).toBe('AbortError');
      });
      hub.requests.length = 0;
      const model = await room.open(at('large', large), { precision });
      expect(await vectors(model, precision)).toEqual(expected);
      // What is not noted down yet is a slab or two; the beginning of an ONNX file is read again for its graph.
      expect(sent(path)).toBeLessThan(size - moment + 13 * 2 ** 20);
      expect(sent('tokenizer.json')).toBe(0);
    }
  });
});

test('a tokenizer that was damaged since an earlier visit is downloaded again', async () => {
  const storage = new MemoryStorage();
  const room = new LibraryRoom(() => storage);
  const visit = new AbortController();
  const onProgress = ({ item, loaded }: { item: string; loaded: number }) => {
    if (item === 'model.safetensors' && loaded > 0) visit.abort();
  };
  await room.open(at('gte', models.gte), { signal: visit.signal, onProgress }).catch(() => {});
  const kept = await readAll((await storage.open('tokenizer.bin'))!);
  await writeWhole(storage, 'tokenizer.bin', kept.fill(0, 20, 30));
  hub.requests.length = 0;
  const model = await room.open(at('gte', models.gte));
  expect(sent('tokenizer.json')).toBeGreaterThan(0);
  const ids = async (one: ModelFolder) => (await one.readTokenizer!()).encode('A blue cat.').ids;
  expect(await ids(model)).toEqual(await ids(await new LibraryRoom().open(at('gte', models.gte))));
});

describe('damage', () => {
  const known = async (model: RandomModel, ...paths: string[]): Promise<RemoteFolder> => {
    const hashes = await Promise.all(paths.map(async (path) => [path, await model.sha256Of(path)]));
    return { ...at('gte', model), known: { sha256: Object.fromEntries(hashes), golden: [] } };
  };

  test.each(['model.safetensors', 'tokenizer.json'])(
    'in %s is noticed by the known hash, and got over once',
    async (path) => {
      hub.faults.set({
        kind: 'corrupt',
        path: `${path}*`,
        at: 5000,
        skip: path === 'tokenizer.json' ? 0 : 3,
        times: 1,
      });
      const model = await new LibraryRoom().open(await known(models.gte, path));
      expect(await vectors(model)).toEqual(await direct('gte', models.gte));
    },
  );

  test.each(['model.safetensors', 'tokenizer.json'])(
    'in %s that stays is refused, with the file and both hashes',
    async (path) => {
      hub.faults.set({ kind: 'corrupt', path: `${path}*`, at: 5000 });
      const folder = await known(models.gte, path);
      expect(await refusal(() => new LibraryRoom().open(folder))).toMatch(
        new RegExp(`^corrupt-file: ${path} is damaged.* SHA-256 is [0-9a-f]{64}; needed: [0-9a-f]{64}`),
      );
    },
  );

  test.each([0, 9, 40])('in byte %i of the header is refused', async (place) => {
    hub.faults.set({ kind: 'corrupt', path: 'model.safetensors*', at: place });
    expect(await refusal(() => new LibraryRoom().open(at('gte', models.gte)))).toMatch(
      /^(corrupt-file|missing-tensor|tensor-shape|tensor-dtype): /,
    );
  });
});

describe('a server', () => {
  const opened = () => new LibraryRoom().open(at('gte', models.gte));
  const works = async () => expect(await vectors(await opened())).toEqual(await direct('gte', models.gte));

  test('that gives no ranges works', async () => {
    hub.faults.set({ kind: 'ignore-range' });
    await works();
  });

  test('that gives no ranges and breaks off now and then works', async () => {
    hub.faults.set(
      { kind: 'ignore-range' },
      { kind: 'cut', path: 'model.safetensors*', after: 3e5, skip: 3, times: 2 },
    );
    await works();
  });

  test.each([429, 503])('that says %i and when to come back is asked again', async (status) => {
    hub.faults.set({ kind: 'status', status, retryAfter: 0, times: 3 });
    await works();
  });

  test.each([403, 401, 400])('that says %i is not asked again', async (status) => {
    hub.faults.set({ kind: 'status', status, path: 'model.safetensors*' });
    expect(await refusal(opened)).toMatch(new RegExp(`^network: .* answers ${status}`));
    expect(hub.requests.filter(({ path }) => path.includes('model.safetensors'))).toHaveLength(1);
  });

  test('that has no weights is told apart from one that does not answer', async () => {
    hub.faults.set({ kind: 'status', status: 404, path: 'model.safetensors*' });
    expect(await refusal(opened)).toMatch(/^model-not-found: There is no model\.safetensors in http/);
  });

  test('that has a page for everything has no model', async () => {
    hub.faults.set({ kind: 'html' });
    expect(await refusal(opened)).toMatch(/^model-not-found: There is no config\.json in http/);
  });

  test.each([-100, 100])(
    'whose length is wrong by %i leads to an error of ours or to the model',
    async (by) => {
      hub.faults.set({ kind: 'length', path: 'model.safetensors*', by, skip: 3, times: 2 });
      const outcome = await opened().then(vectors, (error) => error);
      hub.faults.clear();
      if (outcome instanceof Float32Array) expect(outcome).toEqual(await direct('gte', models.gte));
      else expect(outcome).toBeInstanceOf(SternaError);
    },
  );

  test('that answers with other bytes than those asked for is asked again', async () => {
    hub.faults.set({ kind: 'wrong-range', path: 'model.safetensors*', skip: 3, times: 2 });
    await works();
  });

  test('that says 416 for bytes that it had before has another file', async () => {
    hub.faults.set({ kind: 'status', status: 416, path: 'model.safetensors*', skip: 3 });
    expect(await refusal(opened)).toMatch(/^source-changed: model\.safetensors has become another file/);
  });

  test('that changes the file in mid-download gives the new one, whole', async () => {
    hub.faults.set({ kind: 'change', path: 'model.safetensors*', skip: 5 });
    const room = new LibraryRoom();
    const found = await vectors(await room.open(at('large', large)));
    const changed = await direct('large', large);
    expect(found).toEqual(changed);
  });
});

describe('a storage that is full', () => {
  /** Has room for some bytes. */
  class SmallStorage extends MemoryStorage {
    override readonly lasting = true as never;
    private room = 100_000;
    override async writer(name: string) {
      const inner = await super.writer(name);
      return {
        ...inner,
        write: async (place: number, bytes: Uint8Array) => {
          this.room -= bytes.length;
          if (this.room < 0) throw new SternaError('storage-full', 'There is no room.');
          await inner.write(place, bytes);
        },
      };
    }
  }

  test('flows over into memory, and says so', async () => {
    const room = new LibraryRoom(() => new OverflowStorage(new SmallStorage()));
    const model = await room.open(at('gte', models.gte));
    expect(await vectors(model)).toEqual(await direct('gte', models.gte));
    expect(model.notes?.join()).toContain('The model is in memory and will be downloaded again');
  });

  test('without memory beside it is an error with that code', async () => {
    expect(await refusal(() => new LibraryRoom(() => new SmallStorage()).open(at('gte', models.gte)))).toBe(
      'storage-full: There is no room.',
    );
  });
});

test('two visits at once share one download', async () => {
  const room = new LibraryRoom();
  const [a, b] = await Promise.all([room.open(at('gte', models.gte)), room.open(at('gte', models.gte))]);
  expect(await vectors(a)).toEqual(await vectors(b));
  expect(sent('model.safetensors')).toBeLessThan(1.2 * models.gte.files.get('model.safetensors')!.size);
});
