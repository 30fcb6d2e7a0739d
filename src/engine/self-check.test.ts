import { afterEach, describe, expect, test } from 'vitest';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import { WasmBackend } from '../backends/wasm/backend.ts';
import type { Backend, LinearWeights, NormWeights, Queries, Tensor } from '../encoder/backend.ts';
import { filesOf, type RandomModelShape, randomModel } from '../encoder/testing/random-model.ts';
import { loadFirstLayer } from '../encoder/weights.ts';
import { SternaError } from '../errors.ts';
import { openModel } from '../loader/model-folder.ts';
import { openerOf } from '../loader/model-opener.ts';
import { Engine, type EngineOptions } from './engine.ts';
import { type Lane, nameOfLane } from './lanes.ts';
import { selfCheck } from './self-check.ts';

const SMALL = {
  hiddenSize: 64,
  heads: 2,
  layers: 2,
  intermediateSize: 96,
  vocabularySize: 20,
  padId: 1,
} as const;
const shapes: RandomModelShape[] = [
  { ...SMALL, family: 'xlm-roberta', tokenTypes: 1 },
  { ...SMALL, family: 'gte', tokenTypes: 0, config: { rope_theta: 10000 } },
];

/** The numbers of an activation of the reference. */
const dataOf = (tensor: Tensor) => (tensor as Tensor & { data: Float32Array }).data;

/** GELU by way of tanh, as many engines have it. */
class ApproximateGelu extends ReferenceBackend {
  override linear(x: Tensor, weights: LinearWeights, out: Tensor, activation?: 'gelu'): void {
    super.linear(x, weights, out);
    if (!activation) return;
    const y = dataOf(out);
    for (const [i, v] of y.entries())
      y[i] = 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  }
}

/** LayerNorm whose squares are cut off where float16 ends. */
class Overflowing extends ReferenceBackend {
  override norm(stream: Tensor, weights: NormWeights, added?: Tensor): void {
    const data = dataOf(stream);
    for (const [i, v] of data.entries()) data[i] = Math.sign(v) * Math.min(Math.abs(v), 20);
    super.norm(stream, weights, added);
  }
}

/** Attention that leaves out the last key of a text. */
class Shortsighted extends ReferenceBackend {
  override attention(qkv: Tensor, out: Tensor, queries: Queries): void {
    const data = dataOf(qkv);
    for (let i = data.length - 1; i > data.length - 65; i--) data[i] = 0;
    super.attention(qkv, out, queries);
  }
}

/** Right the first time only. */
class RightOnce extends ReferenceBackend {
  private reads = 0;
  override async read(x: Tensor): Promise<Float32Array> {
    const result = await super.read(x);
    return this.reads++ === 0 ? result : result.map((value, i) => (i % 7 === 0 ? -value : value));
  }
}

/** Other sums where there are many rows, as another tile would give them. */
class DependsOnCompany extends ReferenceBackend {
  override linear(x: Tensor, weights: LinearWeights, out: Tensor, activation?: 'gelu'): void {
    super.linear(x, weights, out, activation);
    if (x.rows > 128) dataOf(out)[7] += 1e-5;
  }
}

/** Attention that goes wrong where a text is longer than a tile. */
class WrongInLongTexts extends ReferenceBackend {
  override attention(qkv: Tensor, out: Tensor, queries: Queries): void {
    super.attention(qkv, out, queries);
    if (qkv.rows === 70) dataOf(out).fill(0.5, 66 * 64, 67 * 64);
  }
}

class NotANumber extends ReferenceBackend {
  override async read(x: Tensor): Promise<Float32Array> {
    return (await super.read(x)).fill(Number.NaN, 3, 4);
  }
}

async function check(shape: RandomModelShape, backend: Backend): Promise<number> {
  const { config, checkpoint } = await openModel(filesOf(randomModel(shape)));
  await backend.prepare(config);
  return selfCheck(backend, config, await loadFirstLayer(config, checkpoint, backend), checkpoint);
}

test.each(shapes)('a right backend passes, with how far it is from the reference: $family', async (shape) => {
  expect(await check(shape, new ReferenceBackend())).toBe(0);
  const f32 = await check(shape, await WasmBackend.start({ threads: 1 }));
  expect(f32).toBeLessThan(1e-9);
  const q8 = await check(shape, await WasmBackend.start({ threads: 1, precision: 'q8' }));
  expect(q8).toBeGreaterThan(0);
  expect(q8).toBeLessThan(5e-3);
});

describe('a backend is found out that', () => {
  test.each([
    ['has another GELU', new ApproximateGelu(), 'run 1'],
    ['overflows on an outlying feature', new Overflowing(), 'run 1'],
    ['overlooks the last key', new Shortsighted(), 'run 1'],
    ['is right only the first time', new RightOnce(), 'run 2'],
    ['gives a text other bits in company', new DependsOnCompany(), 'in a batch of 21'],
    ['goes wrong in long texts', new WrongInLongTexts(), 'in attention'],
    ['gives NaN', new NotANumber(), '1 − cosine is NaN'],
  ])('%s', async (_, backend, words) => {
    await expect(check(shapes[0], backend)).rejects.toMatchObject({
      code: 'wrong-results',
      message: expect.stringContaining(words),
    });
  });
});

describe('an engine', () => {
  const open: Engine[] = [];
  afterEach(() => {
    for (const engine of open.splice(0)) engine.dispose();
  });

  async function loadWith(
    settings: Pick<EngineOptions, 'device' | 'precision'>,
    backendOf: (lane: Lane) => Backend | Promise<Backend>,
  ): Promise<Engine> {
    const engine = await Engine.load({
      model: openerOf(filesOf(randomModel(shapes[0]))),
      ...settings,
      batchTokens: 512,
      processors: 1,
      gpu: async () => undefined,
      open: async (lane) => ({ backend: await backendOf(lane), notes: [] }),
    });
    open.push(engine);
    return engine;
  }

  const load = (device: EngineOptions['device'], broken: Backend) =>
    loadWith({ device, precision: 'f32' }, (lane) =>
      lane.device === 'webgpu' ? broken : WasmBackend.start({ threads: 1 }),
    );

  test.each([
    ['f16', 'f32'],
    ['f16 f32', 'q8'],
    ['f16 f32 q8', 'q8, plain SIMD'],
    ['f16 f32 q8 q8,plain', 'f32'],
  ])('steps down in order where %s is wrong', async (wrong, expected) => {
    const alive = new Set<string>();
    const { report } = await loadWith({ device: 'auto', precision: 'auto' }, (lane) => {
      const name = `${lane.precision}${lane.plain ? ',plain' : ''}`;
      if (lane.device === 'wasm' && !wrong.includes('f32')) throw new SternaError('no-wasm', 'none here');
      const isWrong = wrong.split(' ').includes(name) && !(lane.device === 'wasm' && name === 'f32');
      const backend = isWrong ? new NotANumber() : new ReferenceBackend();
      const words = nameOfLane(lane).replace(/^\w+ in /, '');
      alive.add(words);
      backend.dispose = () => void alive.delete(words);
      return backend;
    });
    expect([...alive]).toEqual([expected]);
    expect(report.notes.filter((note) => note.includes('NaN'))).toHaveLength(wrong.split(' ').length);
  });

  test('runs on the device that is faster for a query and a batch, and says how fast both are', async () => {
    class Slow extends ReferenceBackend {
      override async read(x: Tensor): Promise<Float32Array> {
        await new Promise((resolve) => setTimeout(resolve, 60));
        return super.read(x);
      }
    }
    for (const slow of ['webgpu', 'wasm']) {
      const backends = new Map<string, Backend>();
      const disposed: string[] = [];
      const engine = await loadWith({ device: 'auto', precision: 'f32' }, ({ device }) => {
        const backend = device === slow ? new Slow() : new ReferenceBackend();
        backend.dispose = () => void disposed.push(device);
        backends.set(device, backend);
        return backend;
      });
      expect(disposed).toEqual([slow]);
      expect(engine.report.notes.join()).toMatch(
        /Measured for 1×16 and 8×64 tokens, .*webgpu in f32 .* ms.*wasm|wasm.*webgpu/,
      );
    }
  });

  test.each([new ApproximateGelu(), new NotANumber()])(
    'steps from a wrong device to the next one, and says so',
    async (broken) => {
      const { device, deviation, notes } = (await load('auto', broken)).report;
      expect(device).toBe('wasm');
      expect(deviation).toBeLessThan(1e-9);
      expect(notes[0]).toMatch(/^Not on webgpu in f32: .* does not compute what the reference does/);
    },
  );

  test('refuses a wrong device that was asked for by name', async () => {
    await expect(load('webgpu', new ApproximateGelu())).rejects.toMatchObject({ code: 'wrong-results' });
  });
});
