import { afterAll, describe, expect, test } from 'vitest';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import { WasmBackend } from '../backends/wasm/backend.ts';
import { WebGpuBackend } from '../backends/webgpu/backend.ts';
import { openDevice } from '../backends/webgpu/device.ts';
import type { ModelFiles } from '../loader/files.ts';
import { openModel } from '../loader/model-folder.ts';
import { nodeGpu } from '../node/gpu.ts';
import { startThread } from '../node/threads.ts';
import { pack } from '../text/pack.ts';
import type { Backend } from './backend.ts';
import { encode } from './encoder.ts';
import { naiveEncode } from './testing/naive-encoder.ts';
import { filesOf, mulberry32, type RandomModelShape, randomModel } from './testing/random-model.ts';
import { loadWeights } from './weights.ts';

const gpu = await nodeGpu().catch(() => undefined);
const open: Backend[] = [];
afterAll(() => {
  for (const backend of open) backend.dispose();
});

const backends: [string, (() => Promise<Backend>) | undefined][] = [
  ['the reference', async () => new ReferenceBackend()],
  ['WebAssembly', () => WasmBackend.start({ threads: 2, startThread })],
  ['WebGPU', gpu && (async () => new WebGpuBackend(await openDevice(gpu)))],
];

const SMALL = { layers: 2, vocabularySize: 50, padId: 1, tokenTypes: 1 } as const;
const rope = { rope_theta: 10000 };
const shapes: [string, RandomModelShape][] = [
  [
    'xlm-roberta, 32 wide',
    { ...SMALL, family: 'xlm-roberta', hiddenSize: 32, heads: 1, intermediateSize: 64 },
  ],
  [
    'xlm-roberta, heads of 64',
    { ...SMALL, family: 'xlm-roberta', hiddenSize: 128, heads: 2, intermediateSize: 100 },
  ],
  [
    'xlm-roberta, three heads, one layer, two token types, another padding id',
    {
      ...SMALL,
      family: 'xlm-roberta',
      hiddenSize: 96,
      heads: 3,
      intermediateSize: 132,
      layers: 1,
      tokenTypes: 2,
      padId: 3,
    },
  ],
  ['gte, 64 wide', { ...SMALL, family: 'gte', hiddenSize: 64, heads: 1, intermediateSize: 96, config: rope }],
  [
    'gte without token types, heads of 32, three layers',
    {
      ...SMALL,
      family: 'gte',
      hiddenSize: 160,
      heads: 5,
      intermediateSize: 68,
      layers: 3,
      tokenTypes: 0,
      padId: 0,
      config: rope,
    },
  ],
  [
    'gte with NTK scaling',
    {
      ...SMALL,
      family: 'gte',
      hiddenSize: 64,
      heads: 2,
      intermediateSize: 64,
      config: { rope_theta: 1000, rope_scaling: { type: 'ntk', factor: 2.5 } },
    },
  ],
  [
    'gte with mixed NTK scaling',
    {
      ...SMALL,
      family: 'gte',
      hiddenSize: 64,
      heads: 1,
      intermediateSize: 64,
      config: { rope_theta: 1000, rope_scaling: { type: 'ntk', factor: 4, mixed_b: 0.6 } },
    },
  ],
];

/** Ids of texts of ragged lengths, padding in the middle of one among them. */
function texts({ vocabularySize, padId }: RandomModelShape): number[][] {
  const random = mulberry32(7);
  const all = [1, 2, 5, 33, 70].map((length) =>
    Array.from({ length }, () => Math.floor(random() * vocabularySize)),
  );
  all[2][3] = padId;
  return all;
}

async function vectors(
  files: ModelFiles,
  ids: readonly number[][],
  backend: Backend,
): Promise<Float32Array[]> {
  const { config, checkpoint } = await openModel(files);
  open.push(backend);
  await backend.prepare(config);
  const weights = await loadWeights(config, checkpoint, backend);
  const batch = pack(ids.map((one) => Uint32Array.from(one)));
  const all = await encode(backend, config, weights, batch);
  return ids.map((_, i) => all.subarray(i * config.hiddenSize, (i + 1) * config.hiddenSize));
}

/** The oracle's vectors, which take their time, by shape. */
const expected = new Map<RandomModelShape, number[][]>();

function oracle(shape: RandomModelShape): number[][] {
  const known = expected.get(shape) ?? texts(shape).map((ids) => naiveEncode(randomModel(shape), ids));
  expected.set(shape, known);
  return known;
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return 1 - ab / Math.sqrt(aa * bb);
}

describe.each(backends)('on %s (WebGPU is skipped where Node finds no adapter)', (_, make) => {
  test.skipIf(!make).each(shapes)(
    'a checkpoint of %s has the vectors of the float64 oracle, to 1 − cosine ≤ 1e-9',
    async (_, shape) => {
      const found = await vectors(filesOf(randomModel(shape)), texts(shape), await make!());
      for (const [i, vector] of oracle(shape).entries())
        expect(distance(found[i], vector), `text ${i}`).toBeLessThan(1e-9);
    },
  );
});

/** The reference's vector of the longest text, made once. */
let longText: Promise<Float32Array[]> | undefined;

test.each(backends.slice(1))(
  'a text of 8,192 tokens has the same vector on %s as on the reference (WebGPU is skipped where Node finds no adapter)',
  async (_, make) => {
    if (!make) return;
    const small = { ...SMALL, hiddenSize: 32, heads: 1, intermediateSize: 32, config: rope };
    const shape: RandomModelShape = { ...small, family: 'gte', positions: 8192 };
    const random = mulberry32(3);
    const ids = Array.from({ length: 8192 }, () => Math.floor(random() * shape.vocabularySize));
    const files = filesOf(randomModel(shape));
    const [found] = await vectors(files, [ids], await make());
    longText ??= vectors(files, [ids], new ReferenceBackend());
    const [expected] = await longText;
    expect(distance(found, expected)).toBeLessThan(1e-9);
  },
);

describe('however the same weights are stored', () => {
  const [, shape] = shapes[1];
  const model = randomModel(shape);
  const ids = texts(shape);
  const plain = vectors(filesOf(model), ids, new ReferenceBackend());

  test.each([
    ['as F16', { dtype: 'F16' }],
    ['as BF16', { dtype: 'BF16' }],
    ['in three shards', { shards: 3 }],
    ['with the prefix roberta.', { prefix: 'roberta.' }],
    ['with the prefix new., as BF16, in two shards', { prefix: 'new.', dtype: 'BF16', shards: 2 }],
  ] as const)('the vectors are the same, bit for bit: %s', async (_, options) => {
    expect(await vectors(filesOf(model, options), ids, new ReferenceBackend())).toEqual(await plain);
  });

  test('a pooler and position ids beside them change nothing', async () => {
    const changes = {
      'pooler.dense.weight': { shape: [2, 2], values: Float64Array.of(Number.NaN, 1, 2, 3) },
      'embeddings.position_ids': { shape: [3], values: Float64Array.of(0, 1, 2) },
    };
    expect(await vectors(filesOf(model, { changes }), ids, new ReferenceBackend())).toEqual(await plain);
  });
});
