import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { filesOf, randomModel } from '../encoder/testing/random-model.ts';
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

test('ten thousand calls in a row leave no memory behind', async () => {
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
  const engine = await Engine.load({
    files: filesOf(model),
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
