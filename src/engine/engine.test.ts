import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import { filesOf, randomModel } from '../encoder/testing/random-model.ts';
import { openerOf } from '../loader/model-opener.ts';
import type { PackedBatch } from '../text/pack.ts';
import { Engine } from './engine.ts';
import type { EmbedRequest } from './link.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function memoryInUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const request: EmbedRequest = {
  task: 'document',
  dimensions: 32,
  output: 'float32',
  truncate: 'end',
  specialTokens: 'parse',
  priority: 'interactive',
};

const model = randomModel({
  family: 'gte',
  hiddenSize: 32,
  heads: 1,
  layers: 1,
  intermediateSize: 32,
  vocabularySize: 20,
  tokenTypes: 0,
  padId: 1,
  config: { rope_theta: 10000 },
});

test('ten thousand calls in a row leave no memory behind', async () => {
  const engine = await Engine.load({
    model: openerOf(filesOf(model)),
    device: 'wasm',
    precision: 'f32',
    batchTokens: 512,
    processors: 1,
    gpu: async () => undefined,
  });
  const embed = (i: number) => engine.embed([[0, 5 + (i % 10), 2]], request);
  for (let i = 0; i < 1000; i++) await embed(i);
  const before = memoryInUse();
  for (let i = 0; i < 10_000; i++) await embed(i);
  expect(memoryInUse() - before).toBeLessThan(1_000_000);
  engine.dispose();
});

describe('texts that several calls wait for', () => {
  /** An engine that counts the texts which its backend computes. */
  async function counting(batchTokens = 512) {
    const computed: number[] = [];
    class Counting extends ReferenceBackend {
      override begin(batch: PackedBatch): void {
        computed.push(batch.starts.length - 1);
        super.begin(batch);
      }
    }
    const engine = await Engine.load({
      model: openerOf(filesOf(model)),
      device: 'reference',
      precision: 'f32',
      batchTokens,
      processors: 1,
      gpu: async () => undefined,
      open: async () => ({ backend: new Counting(), notes: [] }),
    });
    computed.length = 0;
    return { engine, computed };
  }

  test('are computed once, within a call and across calls, and give everybody the same bytes', async () => {
    const { engine, computed } = await counting();
    const [a, b, c] = [
      [0, 5, 2],
      [0, 6, 7, 2],
      [0, 8, 2],
    ];
    const results = await Promise.all([
      engine.embed([a, b, a, a], request),
      engine.embed([b, a], { ...request, priority: 'background' }),
      engine.embed([c, a], request),
    ]);
    expect(computed.reduce((sum, texts) => sum + texts)).toBe(3);
    const vector = (call: number, text: number) => new Float32Array(results[call].values, text * 128, 32);
    const alone = new Float32Array((await engine.embed([a], request)).values);
    for (const [call, text] of [
      [0, 0],
      [0, 2],
      [0, 3],
      [1, 1],
      [2, 1],
    ])
      expect(vector(call, text)).toEqual(alone);
    expect(results[0].tokenCounts).toEqual(Uint32Array.of(3, 4, 3, 3));
    engine.dispose();
  });

  test('are computed by the other call where one is aborted', async () => {
    const { engine, computed } = await counting(4);
    const controller = new AbortController();
    const texts = Array.from({ length: 6 }, (_, i) => [0, 5 + i, 2]);
    const aborted = engine.embed(texts, request, controller.signal, () => controller.abort());
    const other = engine.embed(texts, { ...request, priority: 'background' });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect((await other).tokenCounts).toHaveLength(6);
    expect(computed.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(7);
    engine.dispose();
  });
});
