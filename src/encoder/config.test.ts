import { describe, expect, test } from 'vitest';
import { refusal } from '../loader/testing/refusal.ts';
import { parseConfig } from './config.ts';

/** The fields that matter of Snowflake/snowflake-arctic-embed-l-v2.0. */
const LARGE = {
  model_type: 'xlm-roberta',
  hidden_act: 'gelu',
  hidden_size: 1024,
  intermediate_size: 4096,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 8194,
  num_attention_heads: 16,
  num_hidden_layers: 24,
  pad_token_id: 1,
  position_embedding_type: 'absolute',
  type_vocab_size: 1,
  vocab_size: 250002,
};

/** … and of snowflake-arctic-embed-m-v2.0. */
const MEDIUM = {
  model_type: 'gte',
  hidden_act: 'gelu',
  hidden_size: 768,
  intermediate_size: 3072,
  layer_norm_eps: 1e-12,
  layer_norm_type: 'layer_norm',
  logn_attention_scale: false,
  matryoshka_dimensions: [256],
  max_position_embeddings: 8192,
  num_attention_heads: 12,
  num_hidden_layers: 12,
  pack_qkv: true,
  pad_token_id: 1,
  position_embedding_type: 'rope',
  rope_scaling: null,
  rope_theta: 160000,
  type_vocab_size: 1,
  vocab_size: 250048,
};

test('arctic-embed-l-v2.0 is an xlm-roberta whose positions begin behind its padding', () => {
  expect(parseConfig(LARGE)).toMatchObject({
    family: 'xlm-roberta',
    hiddenSize: 1024,
    heads: 16,
    headSize: 64,
    positionRows: 8194,
    maxTokens: 8192,
    trainedDimensions: [1024, 256],
  });
});

test('arctic-embed-m-v2.0 is a gte with rotary positions, whose configuration says what it can be cut to', () => {
  const config = parseConfig(MEDIUM);
  expect(config).toMatchObject({ family: 'gte', rope: { theta: 160000 }, maxTokens: 8192, positionRows: 0 });
  expect(config.trainedDimensions).toEqual([768, 256]);
  expect(config.rope).not.toHaveProperty('scaling');
});

test('gte is also called new', () => {
  expect(parseConfig({ ...MEDIUM, model_type: 'new' }).family).toBe('gte');
});

test('a model is not asked for more tokens than it has positions, nor for more than 8,192', () => {
  expect(parseConfig({ ...LARGE, max_position_embeddings: 514 }).maxTokens).toBe(512);
  expect(parseConfig({ ...LARGE, max_position_embeddings: 514, pad_token_id: 0 }).maxTokens).toBe(513);
  expect(parseConfig({ ...MEDIUM, max_position_embeddings: 100_000 }).maxTokens).toBe(8192);
  const rope_scaling = { type: 'ntk', factor: 2.5 };
  expect(parseConfig({ ...MEDIUM, max_position_embeddings: 1001, rope_scaling }).maxTokens).toBe(2502);
});

describe('rotary scaling', () => {
  const rope = (fields: object) => parseConfig({ ...MEDIUM, ...fields }).rope;

  test('is read in both spellings', () => {
    const scaling = { factor: 2, mixedB: undefined };
    expect(rope({ rope_scaling: { type: 'ntk', factor: 2 } })).toEqual({ theta: 160000, scaling });
    expect(rope({ rope_scaling: { rope_type: 'ntk', factor: 2, mixed_b: null } })).toEqual({
      theta: 160000,
      scaling,
    });
    expect(rope({ rope_scaling: null, rope_parameters: { rope_theta: 500, rope_type: 'default' } })).toEqual({
      theta: 500,
    });
    expect(rope({ rope_scaling: { type: 'ntk', factor: 3, mixed_b: 0.5 } })?.scaling?.mixedB).toBe(0.5);
  });

  test('by 1 is none', () => {
    expect(rope({ rope_scaling: { type: 'ntk', factor: 1 } })).toEqual({ theta: 160000 });
  });

  test.each([
    [{ type: 'yarn', factor: 2 }, 'rope_scaling.type is "yarn"; needed: "ntk", or no scaling'],
    [{ type: 'ntk', factor: 0.5 }, 'rope_scaling.factor is 0.5; needed: at least 1'],
    [{ type: 'ntk' }, 'rope_scaling.factor should be a number and is absent'],
    [7, 'rope_scaling is 7; needed: null or an object'],
  ])('%j is refused', async (rope_scaling, words) => {
    expect(await refusal(() => rope({ rope_scaling }))).toContain(words);
  });
});

test.each([
  [{ model_type: 'bert' }, 'unsupported-model', 'model_type is "bert"; Sterna runs "xlm-roberta" and "gte"'],
  [{ model_type: undefined }, 'unsupported-model', 'model_type is absent'],
  [{ hidden_act: 'gelu_new' }, 'unsupported-model', 'hidden_act is "gelu_new"; needed: "gelu"'],
  [{ hidden_size: 1026 }, 'unsupported-model', 'hidden_size is 1026; needed: a multiple of 4'],
  [{ intermediate_size: 4098 }, 'unsupported-model', 'intermediate_size is 4098; needed: a multiple of 4'],
  [{ num_attention_heads: 8 }, 'unsupported-model', 'is 128; needed: a head size of 32 or 64'],
  [{ position_embedding_type: 'relative_key' }, 'unsupported-model', 'xlm-roberta has absolute positions'],
  [{ type_vocab_size: 0 }, 'unsupported-model', 'type_vocab_size is 0; needed: at least 1'],
  [{ max_position_embeddings: 2 }, 'unsupported-model', 'needed: more than pad_token_id + 1 = 2'],
  [{ matryoshka_dimensions: [2048] }, 'unsupported-model', 'needed: a list of integers from 1 to 1024'],
  [{ hidden_size: '1024' }, 'corrupt-file', 'hidden_size should be a number and is "1024"'],
  [{ num_hidden_layers: 0 }, 'corrupt-file', 'num_hidden_layers should be an integer of at least 1 and is 0'],
  [
    { num_hidden_layers: 1.5 },
    'corrupt-file',
    'num_hidden_layers should be an integer of at least 1 and is 1.5',
  ],
  [{ vocab_size: null }, 'corrupt-file', 'vocab_size should be a number and is absent'],
])('a model with %j is refused', async (fields, code, words) => {
  const said = await refusal(() => parseConfig({ ...LARGE, ...fields }));
  expect(said).toContain(`${code}: config.json: `);
  expect(said).toContain(words);
});

test.each([
  [{ position_embedding_type: 'absolute' }, 'gte is run with rotary positions'],
  [{ layer_norm_type: 'rms_norm' }, 'RMS norm is not built in'],
  [{ pack_qkv: false }, 'packed query, key and value weights'],
  [{ logn_attention_scale: true }, 'log-n attention scaling is not built in'],
])('a gte with %j is refused', async (fields, words) => {
  expect(await refusal(() => parseConfig({ ...MEDIUM, ...fields }))).toContain(words);
});

test.each([null, [], 7, 'text'])('%j is no configuration', async (json) => {
  expect(await refusal(() => parseConfig(json))).toMatch(
    /^corrupt-file: config\.json should hold a JSON object/,
  );
});
