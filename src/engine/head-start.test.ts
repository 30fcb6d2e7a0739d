import { expect, test } from 'vitest';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import { filesOf, randomModel } from '../encoder/testing/random-model.ts';
import { SternaError } from '../errors.ts';
import type { ModelFile, ModelFiles } from '../loader/files.ts';
import { openerOf } from '../loader/model-opener.ts';
import { Engine } from './engine.ts';

const model = randomModel({
  family: 'xlm-roberta',
  hiddenSize: 32,
  heads: 1,
  layers: 1,
  intermediateSize: 32,
  vocabularySize: 20,
  tokenTypes: 1,
  padId: 1,
});

/** Loads the model on backends that say when they are prepared, given weights, and disposed of. */
function load(files: ModelFiles, log: string[]) {
  class Logging extends ReferenceBackend {
    override async prepare(...shape: Parameters<ReferenceBackend['prepare']>): Promise<void> {
      log.push('prepared');
      return super.prepare(...shape);
    }
    override weight(...weight: Parameters<ReferenceBackend['weight']>) {
      if (log.at(-1) !== 'given weights') log.push('given weights');
      return super.weight(...weight);
    }
    override dispose(): void {
      log.push('disposed of');
    }
  }
  return Engine.load({
    model: openerOf(files),
    device: 'webgpu',
    precision: 'f32',
    batchTokens: 512,
    processors: 1,
    gpu: async () => undefined,
    open: async () => ({ backend: new Logging(), notes: [] }),
  });
}

/** The files of the model, the weights of which come when they are let. */
function slowFiles(weights: Promise<unknown>): ModelFiles {
  const files = filesOf(model);
  return {
    ...files,
    async open(name: string): Promise<ModelFile | undefined> {
      if (name === 'model.safetensors') await weights;
      return files.open(name);
    },
  };
}

test('kernels are made while the weights are still on their way, and once', async () => {
  const log: string[] = [];
  let arrive: (() => void) | undefined;
  const loading = load(
    slowFiles(
      new Promise<void>((resolve) => {
        arrive = resolve;
      }),
    ),
    log,
  );
  await expect.poll(() => log).toEqual(['prepared']);
  arrive!();
  const engine = await loading;
  expect(log).toEqual(['prepared', 'given weights']);
  engine.dispose();
});

test('a model whose weights cannot be had leaves no device open, and gives it nothing', async () => {
  const log: string[] = [];
  const broken = Promise.resolve().then(() => {
    throw new SternaError('network', 'The connection broke.');
  });
  await expect(load(slowFiles(broken), log)).rejects.toMatchObject({ code: 'network' });
  await expect.poll(() => log).toEqual(['prepared', 'disposed of']);
});
