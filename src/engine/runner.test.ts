import { afterEach, describe, expect, test } from 'vitest';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import { WebGpuBackend } from '../backends/webgpu/backend.ts';
import { openDevice } from '../backends/webgpu/device.ts';
import type { Tensor } from '../encoder/backend.ts';
import { filesOf, randomModel } from '../encoder/testing/random-model.ts';
import { SternaError } from '../errors.ts';
import { openerOf } from '../loader/model-opener.ts';
import { nodeGpu } from '../node/gpu.ts';
import { Engine } from './engine.ts';
import type { EmbedRequest } from './link.ts';
import type { LoadOptions } from './load-options.ts';

const gpu = await nodeGpu().catch(() => undefined);

const model = randomModel({
  family: 'xlm-roberta',
  hiddenSize: 64,
  heads: 2,
  layers: 2,
  intermediateSize: 96,
  vocabularySize: 20,
  tokenTypes: 1,
  padId: 1,
});
const request: EmbedRequest = {
  task: 'document',
  dimensions: 64,
  output: 'float32',
  truncate: 'end',
  specialTokens: 'parse',
  priority: 'interactive',
};
const texts = Array.from({ length: 20 }, (_, i) => Array.from({ length: 5 + i }, (_, k) => (i + 3 * k) % 20));

/** Reads of the check at load. */
const CHECK = 5;

/** A device that goes away when it is read from for the n-th time after the check. */
class Mortal extends ReferenceBackend {
  private reads: number;

  constructor(reads: number) {
    super();
    this.reads = CHECK + reads;
  }

  override async read(x: Tensor): Promise<Float32Array> {
    if (this.reads-- > 0) return super.read(x);
    throw new SternaError('device-lost', 'The GPU went away.');
  }
}

const open: Engine[] = [];
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose();
});

async function load(opener: LoadOptions['open']): Promise<Engine> {
  const engine = await Engine.load({
    model: openerOf(filesOf(model)),
    device: 'webgpu',
    precision: 'f32',
    batchTokens: 64,
    processors: 1,
    gpu: async () => gpu,
    open: opener,
  });
  open.push(engine);
  return engine;
}

/** An engine whose devices live for so many reads each; the last one for ever. */
async function withLives(...lives: number[]): Promise<{ engine: Engine; opened: () => number }> {
  let count = 0;
  const engine = await load(async () => ({
    backend: new Mortal(lives[count++] ?? Number.POSITIVE_INFINITY),
    notes: [],
  }));
  return { engine, opened: () => count };
}

const expected = withLives().then(({ engine }) => engine.embed(texts, request));

describe('a device that goes away', () => {
  test('is opened again, and callers get what they asked for', async () => {
    const { engine, opened } = await withLives(2, 3);
    const told: number[] = [];
    const { values } = await engine.embed(texts, request, undefined, (done) => told.push(done));
    expect(values).toEqual((await expected).values);
    expect(told.at(-1)).toBe(texts.length);
    expect(opened()).toBe(3);
  });

  test('twice in a row is an error with its code, and the next call tries anew', async () => {
    const { engine } = await withLives(0, 0);
    await expect(engine.embed(texts, request)).rejects.toMatchObject({ code: 'device-lost' });
    expect((await engine.embed(texts, request)).values).toEqual((await expected).values);
  });

  test('while the engine is disposed of stays away', async () => {
    const { engine } = await withLives(0);
    const call = engine.embed(texts, request);
    engine.dispose();
    await expect(call).rejects.toMatchObject({ code: 'disposed' });
  });

  test.skipIf(!gpu)(
    'under a running batch is opened again (skipped where Node finds no adapter)',
    async () => {
      const devices: GPUDevice[] = [];
      const engine = await load(async () => {
        const opened = await openDevice(gpu);
        devices.push(opened.device);
        return { backend: new WebGpuBackend(opened), notes: [] };
      });
      const before = await engine.embed(texts, request);
      const call = engine.embed(
        texts,
        request,
        undefined,
        () => devices.length === 1 && devices[0].destroy(),
      );
      expect((await call).values).toEqual(before.values);
      expect(devices).toHaveLength(2);
    },
  );
});
