/**
 * Models in the exact layout of the published arctic-embed-m-v2.0 and l-v2.0 with seeded random weights. Nothing is stored: any bytes of
 * any file are made when they are asked for, so that a checkpoint of two gigabytes costs nothing until it is sent.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileOf } from './hub-file.mjs';
import { onnxFiles } from './onnx-files.mjs';
import { safetensorsFile } from './safetensors.mjs';
import { sha256 } from './sha256.mjs';
import { smallTokenizer } from './small-tokenizer.mjs';
import { SIZES, tensorsOf } from './tensors.mjs';

export { SIZES };

/** The tokenizer of the published models where it is there, and one whose ids are among theirs otherwise. */
const TOKENIZERS = ['../../../shared/data/xlm-r/tokenizer.json', '../../models/nano/tokenizer.json'].map(
  (path) => new URL(path, import.meta.url),
);

/**
 * @param {object} options
 * @param {'gte' | 'xlm-roberta'} options.family - the layout: that of m-v2.0, or of l-v2.0.
 * @param {'full' | 'small' | Partial<import('./tensors.mjs').Size>} [options.size] - as published; small; or sizes that differ from
 *   those of the small one. Default: full.
 * @param {number} [options.seed] - of the weights. Default: 1.
 * @param {string} [options.commit] - what the hub calls this version: 40 hexadecimal digits. Default: a hash of the other options.
 */
export function randomModel({ family, size: wanted = 'full', seed = 1, commit }) {
  const size = typeof wanted === 'string' ? SIZES[family][wanted] : { ...SIZES[family].small, ...wanted };
  const identity = JSON.stringify({ family, size, seed });
  const tensors = tensorsOf(family, size, seed);
  const config = configOf(family, size);
  const files = filesOf({ family, size, tensors, config, identity });
  let changed;
  const next = (name) => {
    changed ??= randomModel({ family, size, seed: seed + CHANGED });
    return changed.files.get(name);
  };
  for (const [name, file] of files) if (isWeights(name)) file.next = () => next(name);
  return {
    family,
    size,
    config,
    tensors,
    /** What the hub calls this version. */
    commit: commit ?? createHash('sha1').update(identity).digest('hex'),
    files,
    /** The SHA-256 of a file in hexadecimal digits. The first call makes all of the file. */
    sha256Of: async (name) => {
      const file = files.get(name);
      if (!file) throw new RangeError(`The model has no ${name}; it has ${[...files.keys()].join(', ')}.`);
      return sha256(file);
    },
  };
}

/** What is added to the seed of a model that is changed on the server. */
const CHANGED = 2 ** 20;

const isWeights = (name) => /\.(safetensors|onnx|onnx_data)$/.test(name);

/** A file that is made when it is first looked at: the graph of a large model takes a moment. @implements HubFile */
class LazyFile {
  #make;
  #made;

  constructor(make) {
    this.#make = make;
  }

  get #file() {
    this.#made ??= this.#make();
    return this.#made;
  }

  get size() {
    return this.#file.size;
  }

  get large() {
    return this.#file.large;
  }

  get type() {
    return this.#file.type;
  }

  get identity() {
    return this.#file.identity;
  }

  bytesOf(start = 0, end = this.size) {
    return this.#file.bytesOf(start, end);
  }
}

/** @returns {Map<string, LazyFile>} the files by their paths in the repository. */
function filesOf({ family, size, tensors, config, identity }) {
  const files = new Map();
  const add = (name, make) => files.set(name, new LazyFile(make));
  const json = (name, content) => add(name, () => fileOf(name, content));
  const constants = { epsilon: config.layer_norm_eps, theta: config.rope_theta, padId: config.pad_token_id };
  const onnx = (name, form) => {
    let made;
    const make = () => {
      made ??= onnxFiles(name, { family, size, tensors, constants }, form, identity);
      return made;
    };
    add(name, () => make()[name]);
    if (form.external) add(`${name}_data`, () => make()[`${name}_data`]);
  };
  add('config.json', () => fileOf('config.json', configText(config)));
  add('model.safetensors', () => safetensorsFile(tensors, `${identity}/model.safetensors`));
  onnx('onnx/model.onnx', { external: family === 'xlm-roberta' });
  onnx('onnx/model_fp16.onnx', { half: true });
  add('tokenizer.json', () => fileOf('tokenizer.json', tokenizerOf(size)));
  json('tokenizer_config.json', TOKENIZER_CONFIG);
  json('special_tokens_map.json', SPECIAL_TOKENS);
  json('config_sentence_transformers.json', SENTENCE_TRANSFORMERS);
  json('modules.json', MODULES);
  json('1_Pooling/config.json', poolingOf(size));
  return files;
}

/** config.json of the published models, but for sizes. */
function configOf(family, { vocabulary, hidden, layers, heads, intermediate, positions }) {
  const trained = [hidden === 768 || hidden === 1024 ? 256 : hidden / 2];
  if (family === 'gte')
    return {
      architectures: ['GteModel'],
      attention_probs_dropout_prob: 0,
      auto_map: {
        AutoConfig: 'configuration_hf_alibaba_nlp_gte.GteConfig',
        AutoModel: 'modeling_hf_alibaba_nlp_gte.GteModel',
      },
      classifier_dropout: 0.1,
      hidden_act: 'gelu',
      hidden_dropout_prob: 0.1,
      hidden_size: hidden,
      initializer_range: 0.02,
      intermediate_size: intermediate,
      layer_norm_eps: 1e-12,
      layer_norm_type: 'layer_norm',
      logn_attention_clip1: false,
      logn_attention_scale: false,
      matryoshka_dimensions: trained,
      max_position_embeddings: positions,
      model_type: 'gte',
      num_attention_heads: heads,
      num_hidden_layers: layers,
      pack_qkv: true,
      pad_token_id: 1,
      position_embedding_type: 'rope',
      rope_scaling: null,
      rope_theta: 160000,
      torch_dtype: 'float32',
      transformers_version: '4.39.3',
      type_vocab_size: 1,
      unpad_inputs: 'true',
      use_memory_efficient_attention: 'true',
      vocab_size: vocabulary,
    };
  return {
    architectures: ['XLMRobertaModel'],
    attention_probs_dropout_prob: 0.1,
    bos_token_id: 0,
    classifier_dropout: null,
    eos_token_id: 2,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    hidden_size: hidden,
    initializer_range: 0.02,
    intermediate_size: intermediate,
    layer_norm_eps: 1e-5,
    matryoshka_dimensions: trained,
    max_position_embeddings: positions,
    model_type: 'xlm-roberta',
    num_attention_heads: heads,
    num_hidden_layers: layers,
    output_past: true,
    pad_token_id: 1,
    position_embedding_type: 'absolute',
    torch_dtype: 'float32',
    transformers_version: '4.39.3',
    type_vocab_size: 1,
    use_cache: true,
    vocab_size: vocabulary,
  };
}

/** As Python writes it: a float has a point, and the list that was added by hand is on one line. */
function configText(config) {
  return `${JSON.stringify(config, null, 2)}\n`
    .replace('"attention_probs_dropout_prob": 0,', '"attention_probs_dropout_prob": 0.0,')
    .replace('"layer_norm_eps": 0.00001', '"layer_norm_eps": 1e-05')
    .replace(/\[\s+(\d+)\s+\]/, '[$1]');
}

function tokenizerOf({ vocabulary }) {
  const found =
    vocabulary >= SIZES['xlm-roberta'].full.vocabulary && TOKENIZERS.find((path) => existsSync(path));
  return found ? readFileSync(found) : JSON.stringify(smallTokenizer(vocabulary));
}

const TOKENIZER_CONFIG = {
  bos_token: '<s>',
  cls_token: '<s>',
  eos_token: '</s>',
  mask_token: '<mask>',
  max_length: 512,
  model_max_length: 8192,
  pad_token: '<pad>',
  padding_side: 'right',
  sep_token: '</s>',
  stride: 0,
  tokenizer_class: 'XLMRobertaTokenizer',
  truncation_side: 'right',
  truncation_strategy: 'longest_first',
  unk_token: '<unk>',
};

const SPECIAL_TOKENS = {
  bos_token: '<s>',
  cls_token: '<s>',
  eos_token: '</s>',
  mask_token: { content: '<mask>', lstrip: true, normalized: false, rstrip: false, single_word: false },
  pad_token: '<pad>',
  sep_token: '</s>',
  unk_token: '<unk>',
};

const SENTENCE_TRANSFORMERS = {
  __version__: { sentence_transformers: '2.7.0', transformers: '4.39.3', pytorch: '2.1.0' },
  prompts: { query: 'query: ' },
  default_prompt_name: null,
};

const MODULES = ['', '1_Pooling', '2_Normalize'].map((path, idx) => ({
  idx,
  name: String(idx),
  path,
  type: `sentence_transformers.models.${['Transformer', 'Pooling', 'Normalize'][idx]}`,
}));

const poolingOf = ({ hidden }) => ({
  word_embedding_dimension: hidden,
  pooling_mode_cls_token: true,
  pooling_mode_mean_tokens: false,
  pooling_mode_max_tokens: false,
  pooling_mode_mean_sqrt_len_tokens: false,
  pooling_mode_weightedmean_tokens: false,
  pooling_mode_lasttoken: false,
  include_prompt: true,
});
