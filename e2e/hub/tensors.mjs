/** The tensors of the two published models: names, shapes, and the scale of random values that keeps activations ordinary. */
import { seedOf } from './random-values.mjs';

/**
 * @typedef {object} Size
 * @property {number} vocabulary - rows of the word table.
 * @property {number} hidden
 * @property {number} layers
 * @property {number} heads
 * @property {number} intermediate
 * @property {number} positions - `max_position_embeddings`: of l-v2.0 the rows of a table.
 */

/**
 * The sizes that were published, and small ones for tests of what goes wrong, by family.
 *
 * @type {Record<'gte' | 'xlm-roberta', Record<'full' | 'small', Size>>}
 */
export const SIZES = {
  gte: {
    full: { vocabulary: 250048, hidden: 768, layers: 12, heads: 12, intermediate: 3072, positions: 8192 },
    small: { vocabulary: 1000, hidden: 64, layers: 2, heads: 2, intermediate: 128, positions: 512 },
  },
  'xlm-roberta': {
    full: { vocabulary: 250002, hidden: 1024, layers: 24, heads: 16, intermediate: 4096, positions: 8194 },
    small: { vocabulary: 1000, hidden: 64, layers: 2, heads: 2, intermediate: 256, positions: 130 },
  },
};

/**
 * The tensors in the order in which the model's code defines them.
 *
 * @param {'gte' | 'xlm-roberta'} family
 * @param {Size} size
 * @param {number} seed
 * @returns {import('./random-values.mjs').RandomTensor[]}
 */
export function tensorsOf(family, size, seed) {
  const tensors = [];
  const add = (name, shape, scale, offset = 0) =>
    tensors.push({ name, shape, scale, offset, seed: seedOf(`${seed}/${name}`) });
  const linear = (name, outputs, inputs, bias = true) => {
    // Uniform in ±√3/√inputs has the variance 1/inputs: rows come out as large as they go in.
    add(`${name}.weight`, [outputs, inputs], 1.7 / Math.sqrt(inputs));
    if (bias) add(`${name}.bias`, [outputs], 0.1);
  };
  const norm = (name) => {
    add(`${name}.weight`, [size.hidden], 0.1, 1);
    add(`${name}.bias`, [size.hidden], 0.1);
  };
  const { vocabulary, hidden, layers, intermediate, positions } = size;
  add('embeddings.word_embeddings.weight', [vocabulary, hidden], 1);
  add('embeddings.token_type_embeddings.weight', [1, hidden], 0.3);
  norm('embeddings.LayerNorm');
  if (family === 'xlm-roberta') {
    add('embeddings.position_embeddings.weight', [positions, hidden], 0.3);
    // Published files hold the layer that was trained on top, and nobody uses.
    linear('pooler.dense', hidden, hidden);
  }
  for (let i = 0; i < layers; i++) {
    const layer = `encoder.layer.${i}`;
    if (family === 'gte') {
      linear(`${layer}.attention.qkv_proj`, 3 * hidden, hidden);
      linear(`${layer}.attention.o_proj`, hidden, hidden);
      linear(`${layer}.mlp.up_gate_proj`, 2 * intermediate, hidden, false);
      linear(`${layer}.mlp.down_proj`, hidden, intermediate);
      norm(`${layer}.attn_ln`);
      norm(`${layer}.mlp_ln`);
      continue;
    }
    for (const part of ['query', 'key', 'value']) linear(`${layer}.attention.self.${part}`, hidden, hidden);
    linear(`${layer}.attention.output.dense`, hidden, hidden);
    norm(`${layer}.attention.output.LayerNorm`);
    linear(`${layer}.intermediate.dense`, intermediate, hidden);
    linear(`${layer}.output.dense`, hidden, intermediate);
    norm(`${layer}.output.LayerNorm`);
  }
  return tensors;
}
