import { describe, expect, test } from 'vitest';
import { openCheckpoint } from './checkpoint.ts';
import { refusal } from './testing/refusal.ts';
import { f32, writeSafetensors } from './testing/safetensors-writer.ts';
import { webFiles } from './web-files.ts';

const shardOf = (...names: string[]) =>
  new Blob([
    writeSafetensors(
      Object.fromEntries(names.map((name) => [name, { dtype: 'F32', shape: [1], data: f32(name.length) }])),
    ),
  ]);
const index = (weight_map: unknown) => new Blob([JSON.stringify({ metadata: {}, weight_map })]);
const open = (files: Record<string, Blob>) => openCheckpoint(webFiles(files));

const ONE = 'model-00001-of-00002.safetensors';
const TWO = 'model-00002-of-00002.safetensors';
const INDEX = 'model.safetensors.index.json';

test('a checkpoint in one file gives the bytes of each tensor', async () => {
  const checkpoint = await open({ 'model.safetensors': shardOf('a', 'bb') });
  expect([...checkpoint.tensors.keys()]).toEqual(['a', 'bb']);
  expect(await checkpoint.read('bb')).toEqual(f32(2));
  expect(await refusal(() => checkpoint.read('c'))).toBe('missing-tensor: The checkpoint has no tensor c.');
});

test('a checkpoint in shards gives the bytes of each tensor from its own file', async () => {
  const checkpoint = await open({
    [INDEX]: index({ a: ONE, bb: TWO, ccc: ONE }),
    [ONE]: shardOf('a', 'ccc'),
    [TWO]: shardOf('bb'),
  });
  expect(checkpoint.tensors.get('bb')?.file).toBe(TWO);
  for (const name of ['a', 'bb', 'ccc']) expect(await checkpoint.read(name)).toEqual(f32(name.length));
});

test('one whole file is preferred to shards', async () => {
  const checkpoint = await open({ [INDEX]: index({ a: ONE }), 'model.safetensors': shardOf('whole') });
  expect([...checkpoint.tensors.keys()]).toEqual(['whole']);
});

test('a folder without weights says which names were looked for, and where', async () => {
  expect(await refusal(() => open({ 'config.json': new Blob(['{}']) }))).toBe(
    'model-not-found: There is neither model.safetensors nor model.safetensors.index.json in the files given (config.json); needed: one of them.',
  );
});

describe('shards are refused', () => {
  test('when one is missing', async () => {
    const said = await refusal(() => open({ [INDEX]: index({ a: ONE, b: TWO }), [ONE]: shardOf('a') }));
    expect(said).toMatch(new RegExp(`^model-not-found: There is no ${TWO} in .*; ${INDEX} names it`));
  });

  test('when a tensor is not in its file, though in another one', async () => {
    const files = { [INDEX]: index({ a: ONE, b: ONE }), [ONE]: shardOf('a'), [TWO]: shardOf('b') };
    expect(await refusal(() => open(files))).toContain(`missing-tensor: ${ONE} has no tensor b`);
    const swapped = { ...files, [INDEX]: index({ a: TWO, b: ONE }) };
    expect(await refusal(() => open(swapped))).toContain(`missing-tensor: ${TWO} has no tensor a`);
  });

  test('when two of them hold the same tensor', async () => {
    const files = { [INDEX]: index({ a: ONE, b: TWO }), [ONE]: shardOf('a'), [TWO]: shardOf('b', 'a') };
    expect(await refusal(() => open(files))).toBe(`corrupt-file: Tensor a is both in ${ONE} and in ${TWO}.`);
  });

  test.each([
    '../model.safetensors',
    '/etc/x.safetensors',
    'a/b.safetensors',
    'a\\b.safetensors',
    '..safetensors',
    '..%2fx.safetensors',
    'https://x.org/a.safetensors',
    'config.json',
    '',
    7,
    null,
    ['x.safetensors'],
    {},
  ])('when a file is called %j', async (name) => {
    const said = await refusal(() => open({ [INDEX]: index({ a: name }) }));
    expect(said).toBe(
      `corrupt-file: ${INDEX}: the file of a is ${JSON.stringify(name)}; needed: a file name.`,
    );
  });

  test.each([undefined, null, 7, [], 'x'])('when weight_map is %j', async (map) => {
    expect(await refusal(() => open({ [INDEX]: index(map) }))).toMatch(/^corrupt-file: .* has no weight_map/);
  });
});
