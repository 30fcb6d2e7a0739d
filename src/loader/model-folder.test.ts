import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkTensors } from '../encoder/weights.ts';
import { nodeFiles } from '../node/files.ts';
import { openModel } from './model-folder.ts';
import { nanoSource } from './nano.ts';
import { refusal } from './testing/refusal.ts';
import { writeSafetensors } from './testing/safetensors-writer.ts';
import { webFiles } from './web-files.ts';

const CONFIG = {
  model_type: 'gte',
  position_embedding_type: 'rope',
  hidden_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: 128,
  vocab_size: 10,
  max_position_embeddings: 32,
};
const json = (value: unknown) => new Blob([JSON.stringify(value)]);
const FILES = {
  'config.json': json(CONFIG),
  'tokenizer.json': json({ version: '1.0' }),
  'model.safetensors': new Blob([writeSafetensors({})]),
};
const open = (files: Record<string, Blob>) => openModel(webFiles(files, { name: 'tern' }));

test('a model has a name, a configuration, a checkpoint and the bytes of its tokenizer', async () => {
  const model = await open(FILES);
  expect(model.name).toBe('tern');
  expect(model.config.hiddenSize).toBe(64);
  expect(model.checkpoint.tensors.size).toBe(0);
  expect(new TextDecoder().decode(model.tokenizer)).toBe('{"version":"1.0"}');
});

test('a model may come without a tokenizer', async () => {
  const { 'tokenizer.json': _, ...others } = FILES;
  expect((await open(others)).tokenizer).toBeUndefined();
});

test('a folder without config.json says what was looked for, and where', async () => {
  const { 'config.json': _, ...others } = FILES;
  expect(await refusal(() => open(others))).toMatch(
    /^model-not-found: There is no config\.json in the files given \(tokenizer\.json, model\.safetensors\); needed: /,
  );
});

describe('prompts', () => {
  const promptsOf = async (value: unknown) =>
    (await open({ ...FILES, 'config_sentence_transformers.json': json(value) })).prompts;

  test('are those of the published models where the folder says none', async () => {
    const published = { query: 'query: ', document: '' };
    expect((await open(FILES)).prompts).toEqual(published);
    expect(await promptsOf({})).toEqual(published);
    expect(await promptsOf({ prompts: null })).toEqual(published);
    expect(await promptsOf({ prompts: { query: null } })).toEqual(published);
  });

  test('are read from config_sentence_transformers.json, the document’s under either of its names', async () => {
    expect(await promptsOf({ prompts: { query: 'q: ', document: 'd: ' } })).toEqual({
      query: 'q: ',
      document: 'd: ',
    });
    expect(await promptsOf({ prompts: { query: '', passage: 'p: ' } })).toEqual({
      query: '',
      document: 'p: ',
    });
    expect((await promptsOf({ prompts: { passage: 'p: ', document: 'd: ' } })).document).toBe('d: ');
  });

  test.each([
    [7],
    [[]],
    [{ prompts: 'query: ' }],
    [{ prompts: [] }],
    [{ prompts: { query: 7 } }],
    [{ prompts: { passage: {} } }],
  ])('of the form %j are refused', async (value) => {
    expect(await refusal(() => promptsOf(value))).toMatch(
      /^corrupt-file: config_sentence_transformers\.json/,
    );
  });
});

test('the model that comes with the package is whole', async () => {
  const model = await openModel(nodeFiles(nanoSource(), { name: 'nano' }));
  expect(model.config).toMatchObject({
    family: 'xlm-roberta',
    hiddenSize: 256,
    trainedDimensions: [256, 128, 64],
  });
  expect(model.prompts).toEqual({ query: 'query: ', document: '' });
  expect(model.tokenizer?.length).toBeGreaterThan(0);
  checkTensors(model.config, model.checkpoint);
});

describe.each(['xlmr-tiny', 'gte-tiny'])('%s (skipped where ../shared/fixtures is absent)', (name) => {
  const folder = new URL(`../../../shared/fixtures/${name}/`, import.meta.url);

  test.skipIf(!existsSync(folder))('opens with every tensor that its configuration needs', async () => {
    const { name: label, config, checkpoint, tokenizer } = await openModel(nodeFiles(folder));
    expect(label).toBe(name);
    expect(tokenizer).toBeUndefined();
    expect(config).toMatchObject({ hiddenSize: 128, heads: 2, layers: 3 });
    checkTensors(config, checkpoint);
  });
});
