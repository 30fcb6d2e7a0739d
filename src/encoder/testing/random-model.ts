import type { ModelFiles } from '../../loader/files.ts';
import { writeSafetensors } from '../../loader/testing/safetensors-writer.ts';
import { webFiles } from '../../loader/web-files.ts';
import type { Family } from '../config.ts';

/** The size of a model to make. */
export interface RandomModelShape {
  readonly family: Family;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly layers: number;
  readonly intermediateSize: number;
  readonly vocabularySize: number;
  readonly tokenTypes: number;
  readonly padId: number;
  /** Longest input. Default: 200. */
  readonly positions?: number;
  /** More fields of config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A matrix, or a vector. */
export interface RandomTensor {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** A model in full: what is in its config.json, and its tensors by the names of the family. */
export interface RandomModel {
  readonly shape: RandomModelShape;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, RandomTensor>>;
}

/** A model with seeded random weights, all of them numbers that F32, F16 and BF16 hold exactly. */
export function randomModel(shape: RandomModelShape, seed = 1): RandomModel {
  const {
    family,
    hiddenSize: hidden,
    heads,
    layers,
    intermediateSize: inner,
    padId,
    positions = 200,
  } = shape;
  const random = mulberry32(seed);
  const tensors: Record<string, RandomTensor> = {};
  const add = (name: string, sizes: number[], scale: number, offset = 0) => {
    const count = sizes.reduce((product, size) => product * size, 1);
    // Seven bits of a power of two.
    const step = 2 ** Math.round(Math.log2(scale / 64));
    const values = Float64Array.from(
      { length: count },
      () => offset + step * Math.round(64 * (2 * random() - 1)),
    );
    tensors[name] = { shape: sizes, values };
  };
  const linear = (name: string, outputs: number, inputs: number, bias = true) => {
    add(`${name}.weight`, [outputs, inputs], 2 / Math.sqrt(inputs));
    if (bias) add(`${name}.bias`, [outputs], 0.5);
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [hidden], 0.5, 1);
    add(`${name}.bias`, [hidden], 0.5);
  };

  add('embeddings.word_embeddings.weight', [shape.vocabularySize, hidden], 1);
  if (family === 'xlm-roberta')
    add('embeddings.position_embeddings.weight', [positions + padId + 1, hidden], 0.5);
  if (shape.tokenTypes > 0) add('embeddings.token_type_embeddings.weight', [shape.tokenTypes, hidden], 0.5);
  norm('embeddings.LayerNorm');
  for (let i = 0; i < layers; i++) {
    const layer = `encoder.layer.${i}`;
    if (family === 'gte') {
      linear(`${layer}.attention.qkv_proj`, 3 * hidden, hidden);
      linear(`${layer}.attention.o_proj`, hidden, hidden);
      linear(`${layer}.mlp.up_gate_proj`, 2 * inner, hidden, false);
      linear(`${layer}.mlp.down_proj`, hidden, inner);
      norm(`${layer}.attn_ln`);
      norm(`${layer}.mlp_ln`);
    } else {
      for (const part of ['query', 'key', 'value']) linear(`${layer}.attention.self.${part}`, hidden, hidden);
      linear(`${layer}.attention.output.dense`, hidden, hidden);
      linear(`${layer}.intermediate.dense`, inner, hidden);
      linear(`${layer}.output.dense`, hidden, inner);
      norm(`${layer}.attention.output.LayerNorm`);
      norm(`${layer}.output.LayerNorm`);
    }
  }
  const config = {
    model_type: family,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: inner,
    vocab_size: shape.vocabularySize,
    type_vocab_size: shape.tokenTypes,
    pad_token_id: padId,
    layer_norm_eps: 1e-5,
    hidden_act: 'gelu',
    max_position_embeddings: family === 'gte' ? positions : positions + padId + 1,
    position_embedding_type: family === 'gte' ? 'rope' : 'absolute',
    ...shape.config,
  };
  return { shape, config, tensors };
}

/** How to write a model. */
export interface WriteOptions {
  readonly dtype?: 'F32' | 'F16' | 'BF16';
  /** Put before the name of every tensor. */
  readonly prefix?: string;
  /** Number of files for the weights. */
  readonly shards?: number;
  /** Tensors to leave out, replace or add, under their full names. */
  readonly changes?: Readonly<Record<string, RandomTensor | undefined>>;
}

/** The folder of a model. */
export function filesOf({ config, tensors }: RandomModel, options: WriteOptions = {}): ModelFiles {
  const { dtype = 'F32', prefix = '', shards = 1, changes = {} } = options;
  const named = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
  const written = Object.entries({ ...named, ...changes }).flatMap(([name, tensor]) =>
    tensor
      ? [[name, { dtype, shape: tensor.shape, data: encodeNumbers(tensor.values, dtype) }] as const]
      : [],
  );
  const record: Record<string, Blob> = { 'config.json': new Blob([JSON.stringify(config)]) };
  if (shards === 1) record['model.safetensors'] = new Blob([writeSafetensors(Object.fromEntries(written))]);
  else {
    const weight_map: Record<string, string> = {};
    for (let shard = 0; shard < shards; shard++) {
      const file = `model-${shard}.safetensors`;
      const part = written.filter((_, i) => i % shards === shard);
      for (const [name] of part) weight_map[name] = file;
      record[file] = new Blob([writeSafetensors(Object.fromEntries(part))]);
    }
    record['model.safetensors.index.json'] = new Blob([JSON.stringify({ weight_map })]);
  }
  return webFiles(record, { name: 'random' });
}

function encodeNumbers(values: Float64Array, dtype: 'F32' | 'F16' | 'BF16'): Uint8Array {
  const floats = Float32Array.from(values);
  if (dtype === 'F32') return new Uint8Array(floats.buffer);
  const words = new Uint32Array(floats.buffer);
  const halves = Uint16Array.from(words, (word) => {
    if (dtype === 'BF16') return word >>> 16;
    if ((word & 0x7fffffff) === 0) return word >>> 16;
    const sign = (word >>> 16) & 0x8000;
    const exponent = ((word >>> 23) & 0xff) - 127;
    // Numbers of few bits, none of them subnormal.
    return sign | ((exponent + 15) << 10) | ((word >>> 13) & 0x3ff);
  });
  return new Uint8Array(halves.buffer);
}

/** Seeded random numbers in 0 … 1. */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
