import { describe, expect, test } from 'vitest';
import { SternaError } from '../../errors.ts';
import { mutations } from '../testing/mutations.ts';
import { HASH_BYTES, type Manifest, manifestBytes, parseManifest } from './manifest.ts';

const manifest: Manifest = {
  model: 'tern',
  revision: '0123456789abcdef',
  precision: 'q8',
  config: { model_type: 'gte', hidden_size: 64 },
  prompts: { query: 'query: ', document: '' },
  files: new Map([
    [
      'layers-00001-of-00001.safetensors',
      { size: 1000, start: 0, chunk: 400, hashes: new Uint8Array(3 * HASH_BYTES).fill(7) },
    ],
    [
      'words-00001-of-00001.safetensors',
      { size: 764, start: 104, chunk: 330, hashes: new Uint8Array(2 * HASH_BYTES).fill(255) },
    ],
    ['tokenizer.bin', { size: 10, start: 0, chunk: 10 }],
  ]),
  layers: ['layers-00001-of-00001.safetensors'],
  words: [{ file: 'words-00001-of-00001.safetensors', rows: 10 }],
  tokenizer: 'tokenizer.bin',
  golden: [{ ids: [0, 5, 2], vector: [0.25, -0.5] }],
  source: { file: 'model.safetensors' },
};
const bytes = manifestBytes(manifest);
const json = () => JSON.parse(new TextDecoder().decode(bytes));
const parsed = (value: unknown) => parseManifest(new TextEncoder().encode(JSON.stringify(value)));

test('a manifest comes back from its bytes', () => {
  expect(parseManifest(bytes)).toEqual(manifest);
});

describe('a manifest is refused', () => {
  test.each([
    '../layers.safetensors',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '.hidden',
    '',
    'https://example.org/x',
    'x'.repeat(300),
  ])('with a file called %j', (name) => {
    const changed = json();
    changed.files[name] = { size: 1, start: 0, chunk: 1 };
    expect(() => parsed(changed)).toThrow(/^sterna\.json is damaged: a file is called /);
  });

  test.each([
    ['a size that no file has', { size: 2 ** 52, start: 0, chunk: 1000 }],
    ['a chunk larger than memory', { size: 2 ** 29, start: 0, chunk: 2 ** 29 }],
    ['a chunk of nothing', { size: 10, start: 0, chunk: 0 }],
    ['a negative size', { size: -1, start: 0, chunk: 1 }],
    ['a start behind its end', { size: 10, start: 11, chunk: 1 }],
    ['more chunks than can be counted', { size: 2 ** 29, start: 0, chunk: 1 }],
    ['hashes of other chunks', { size: 10, start: 0, chunk: 5, sha256: btoa('x'.repeat(HASH_BYTES)) }],
    ['hashes that are none', { size: 10, start: 0, chunk: 10, sha256: '!' }],
  ])('with %s', (_, file) => {
    const changed = json();
    changed.files['tokenizer.bin'] = file;
    expect(() => parsed(changed)).toThrow(/^sterna\.json is damaged: tokenizer\.bin has /);
  });

  test('where it names a file that it does not have', () => {
    expect(() => parsed({ ...json(), layers: ['x.safetensors'] })).toThrow(
      'sterna.json is damaged: "x.safetensors" is not among its files.',
    );
  });

  test('of a later version, politely', () => {
    expect(() => parsed({ ...json(), version: 2 })).toThrow(
      /is of version 2, and this Sterna reads version 1\. Update Sterna/,
    );
  });
});

test('a hundred thousand damaged manifests are read or refused with an error of ours', () => {
  let read = 0;
  for (const damaged of mutations(bytes, 100_000)) {
    try {
      const { files, layers, words } = parseManifest(damaged);
      for (const name of [...layers, ...words.map(({ file }) => file)]) expect(files.has(name)).toBe(true);
      read++;
    } catch (error) {
      if (!(error instanceof SternaError)) throw error;
    }
  }
  // Some damage is in words that mean nothing to the reader.
  expect(read).toBeGreaterThan(100);
});
