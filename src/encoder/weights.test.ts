import { describe, expect, test } from 'vitest';
import { ReferenceBackend } from '../backends/reference/backend.ts';
import { openModel } from '../loader/model-folder.ts';
import { refusal } from '../loader/testing/refusal.ts';
import type { Backend } from './backend.ts';
import { filesOf, type RandomTensor, randomModel } from './testing/random-model.ts';
import { checkTensors, loadWeights } from './weights.ts';

const model = randomModel({
  family: 'gte',
  hiddenSize: 64,
  heads: 1,
  layers: 2,
  intermediateSize: 96,
  vocabularySize: 20,
  tokenTypes: 1,
  padId: 1,
});

async function load(
  changes: Record<string, RandomTensor | undefined>,
  backend: Backend = new ReferenceBackend(),
) {
  const { config, checkpoint } = await openModel(filesOf(model, { changes }));
  return loadWeights(config, checkpoint, backend);
}

const tensor = (...shape: number[]): RandomTensor => ({
  shape,
  values: new Float64Array(shape.reduce((product, size) => product * size, 1)),
});

describe('a checkpoint is refused before anything goes to the device', () => {
  const name = 'encoder.layer.1.mlp.down_proj.weight';

  test('where a tensor is missing: the file, the tensor, how many there are, and the shape it needs', async () => {
    expect(await refusal(() => load({ [name]: undefined }))).toBe(
      `missing-tensor: model.safetensors has no tensor ${name} among its 25; needed by config.json: one of shape [64, 96].`,
    );
  });

  test.each([[[96, 64]], [[64]], [[64, 96, 1]], [[63, 96]]])(
    'where a tensor has the shape %j',
    async (shape) => {
      expect(await refusal(() => load({ [name]: tensor(...shape) }))).toBe(
        `tensor-shape: model.safetensors: tensor ${name} has the shape [${shape.join(', ')}]; needed by config.json: [64, 96].`,
      );
    },
  );

  test('where the vocabulary is smaller than config.json says', async () => {
    const words = 'embeddings.word_embeddings.weight';
    expect(await refusal(() => load({ [words]: tensor(19, 64) }))).toContain(
      `tensor ${words} has the shape [19, 64]; needed by config.json: [20, 64]`,
    );
  });

  test('where a tensor is of whole numbers', async () => {
    const { config, checkpoint } = await openModel(filesOf(model));
    const changed = new Map(checkpoint.tensors);
    changed.set(name, { ...changed.get(name)!, dtype: 'I64' });
    const read = () => checkTensors(config, { tensors: changed } as unknown as typeof checkpoint);
    expect(await refusal(read)).toBe(
      `tensor-dtype: model.safetensors: tensor ${name} is stored as I64; needed: F32, F16 or BF16.`,
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('where a weight is %s', async (value) => {
    const broken = { ...model.tensors[name], values: model.tensors[name].values.slice() };
    broken.values[100] = value;
    expect(await refusal(() => load({ [name]: broken }))).toBe(
      `corrupt-file: model.safetensors: number 100 of tensor ${name} is ${value}; needed: finite numbers. Download the file again.`,
    );
  });

  test('where a tensor is larger than a buffer of the device', async () => {
    const small = Object.assign(new ReferenceBackend(), { largestTensorBytes: 4 * 64 * 96 });
    expect(await refusal(() => load({}, small))).toBe(
      'limits: Tensor encoder.layer.0.attention.qkv_proj.weight needs 49152 bytes and reference holds at most 24576 in one buffer. ' +
        'Choose a smaller model or another device.',
    );
  });
});

test('the bytes that were read are told, up to their sum', async () => {
  const { config, checkpoint } = await openModel(filesOf(model));
  const told: [number, number][] = [];
  await loadWeights(config, checkpoint, new ReferenceBackend(), { onProgress: (...step) => told.push(step) });
  const bytes = Object.values(model.tensors).reduce((sum, { values }) => sum + 4 * values.length, 0);
  expect(told.at(-1)).toEqual([bytes, bytes]);
  expect(told).toHaveLength(Object.keys(model.tensors).length);
});

test('loading stops between tensors when it is aborted', async () => {
  const { config, checkpoint } = await openModel(filesOf(model));
  const controller = new AbortController();
  let read = 0;
  const onProgress = () => ++read === 3 && controller.abort();
  const work = loadWeights(config, checkpoint, new ReferenceBackend(), {
    signal: controller.signal,
    onProgress,
  });
  await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  expect(read).toBe(3);
});
