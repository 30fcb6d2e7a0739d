/** The models of the benches: nano, and models of other sizes with seeded random weights, each with its ONNX exports. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toOnnx } from './onnx.mjs';

const root = new URL('../../', import.meta.url);
const cache = new URL('.cache/bench/', root);

/**
 * Shapes by name. The vocabulary is small, as its table is only read from: a row for each token, whatever its size.
 */
export const SHAPES = {
  'e5-small-like': {
    hidden_size: 384,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 1536,
  },
  'm-v2.0-like': {
    model_type: 'gte',
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    layer_norm_eps: 1e-12,
    max_position_embeddings: 8192,
    pack_qkv: true,
    position_embedding_type: 'rope',
    rope_scaling: null,
    rope_theta: 160000,
  },
  'l-v2.0-like': {
    hidden_size: 1024,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    intermediate_size: 4096,
  },
};

/** Makes the folder of a model, unless it is there. @returns its path from the root of the project. */
export function makeModel(name) {
  const folder = new URL(`${name}/`, cache);
  if (!existsSync(new URL('done', folder))) {
    mkdirSync(folder, { recursive: true });
    const { config, weights } = name === 'nano' ? readNano(folder) : randomModel(SHAPES[name], folder);
    mkdirSync(new URL('onnx/', folder), { recursive: true });
    writeFileSync(new URL('onnx/model.onnx', folder), toOnnx(config, weights));
    writeFileSync(new URL('onnx/model_quantized.onnx', folder), toOnnx(config, weights, { int8: true }));
    writeFileSync(new URL('done', folder), '');
  }
  return fileURLToPath(folder).slice(fileURLToPath(root).length);
}

function readNano(folder) {
  const nano = new URL('models/nano/', root);
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(new URL(name, nano), new URL(name, folder));
  const file = readFileSync(new URL('model.safetensors', nano));
  const size = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + size).toString());
  const weights = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [start, end] = entry.data_offsets;
    const halves = new Uint16Array(
      file.buffer.slice(file.byteOffset + 8 + size + start, file.byteOffset + 8 + size + end),
    );
    weights[name] = { shape: entry.shape, values: Float32Array.from(halves, fromHalf) };
  }
  return { config: JSON.parse(readFileSync(new URL('config.json', nano), 'utf8')), weights };
}

function fromHalf(half) {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -size : size;
}

function randomModel(shape, folder) {
  const config = {
    model_type: 'xlm-roberta',
    hidden_act: 'gelu',
    layer_norm_eps: 1e-5,
    max_position_embeddings: 8194,
    pad_token_id: 1,
    position_embedding_type: 'absolute',
    type_vocab_size: 1,
    vocab_size: 1000,
    ...shape,
  };
  const { hidden_size: hidden, intermediate_size: inner } = config;
  const weights = {};
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  const add = (name, sizes, scale, offset = 0) => {
    const count = sizes.reduce((product, size) => product * size);
    weights[name] = {
      shape: sizes,
      values: Float32Array.from({ length: count }, () => offset + scale * random()),
    };
  };
  const linear = (name, outputs, inputs, bias = true) => {
    add(`${name}.weight`, [outputs, inputs], 1.7 / Math.sqrt(inputs));
    if (bias) add(`${name}.bias`, [outputs], 0.1);
  };
  const norm = (name) => {
    add(`${name}.weight`, [hidden], 0.1, 1);
    add(`${name}.bias`, [hidden], 0.1);
  };
  const gte = config.model_type === 'gte';
  add('embeddings.word_embeddings.weight', [config.vocab_size, hidden], 1);
  if (!gte) add('embeddings.position_embeddings.weight', [config.max_position_embeddings, hidden], 0.3);
  add('embeddings.token_type_embeddings.weight', [1, hidden], 0.3);
  norm('embeddings.LayerNorm');
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `encoder.layer.${i}`;
    if (gte) {
      linear(`${layer}.attention.qkv_proj`, 3 * hidden, hidden);
      linear(`${layer}.attention.o_proj`, hidden, hidden);
      linear(`${layer}.mlp.up_gate_proj`, 2 * inner, hidden, false);
      linear(`${layer}.mlp.down_proj`, hidden, inner);
      norm(`${layer}.attn_ln`);
      norm(`${layer}.mlp_ln`);
      continue;
    }
    for (const part of ['query', 'key', 'value']) linear(`${layer}.attention.self.${part}`, hidden, hidden);
    linear(`${layer}.attention.output.dense`, hidden, hidden);
    linear(`${layer}.intermediate.dense`, inner, hidden);
    linear(`${layer}.output.dense`, hidden, inner);
    norm(`${layer}.attention.output.LayerNorm`);
    norm(`${layer}.output.LayerNorm`);
  }
  writeFileSync(new URL('config.json', folder), JSON.stringify(config, null, 1));
  writeFileSync(new URL('model.safetensors', folder), safetensors(weights));
  return { config, weights };
}

function safetensors(weights) {
  const header = {};
  const parts = [];
  let at = 0;
  for (const [name, { shape, values }] of Object.entries(weights)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + values.byteLength] };
    parts.push(Buffer.from(values.buffer));
    at += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([size, json, ...parts]);
}
