import type { RandomModel as TextbookModel } from '../../../src/encoder/testing/random-model.ts';
import { type ModelFile, readAll } from '../../../src/loader/files.ts';
import { readHeader } from '../../../src/loader/safetensors.ts';
import type { RandomModel } from '../random-model.mjs';

/** A file of a model, as the loader sees files. */
export function modelFile(model: RandomModel, name: string): ModelFile {
  const file = model.files.get(name);
  if (!file) throw new RangeError(`The model has no ${name}.`);
  return { name, size: file.size, read: async (start, end) => Uint8Array.from(file.bytesOf(start, end)) };
}

/** The tensors of model.safetensors as float32, by name, read by the library's own reader. */
export async function readTensors(model: RandomModel) {
  const file = modelFile(model, 'model.safetensors');
  const whole = await readAll(file);
  const tensors = (await readHeader(file)).map(({ name, shape, start, end }) => {
    const values = new Float32Array(whole.slice(start, end).buffer);
    return [name, { shape, values }] as const;
  });
  return new Map(tensors);
}

/** The model as the textbook's forward pass wants it. */
export async function textbookModel(model: RandomModel): Promise<TextbookModel> {
  const { family, size, config } = model;
  const tensors = [...(await readTensors(model))].map(([name, { shape, values }]) => {
    return [name, { shape, values: Float64Array.from(values) }] as const;
  });
  return {
    shape: {
      family,
      hiddenSize: size.hidden,
      heads: size.heads,
      layers: size.layers,
      intermediateSize: size.intermediate,
      vocabularySize: size.vocabulary,
      tokenTypes: 1,
      padId: 1,
      positions: size.positions,
    },
    config,
    tensors: Object.fromEntries(tensors),
  };
}
