import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../loader/checkpoint.ts';
import { readAll } from '../loader/files.ts';
import { openModel } from '../loader/model-folder.ts';
import { refusal } from '../loader/testing/refusal.ts';
import { f32, writeSafetensors } from '../loader/testing/safetensors-writer.ts';
import { serve } from '../loader/testing/server.ts';
import type { ModelSource } from '../types.ts';
import { nodeFiles } from './files.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sterna-files-'));
  await writeFile(join(folder, 'config.json'), '{"a":1}');
  await mkdir(join(folder, 'tokenizer.json'));
});

afterAll(() => rm(folder, { recursive: true }));

async function textOf(source: ModelSource, name = 'config.json'): Promise<string | undefined> {
  const file = await nodeFiles(source).open(name);
  return file && new TextDecoder().decode(await readAll(file));
}

describe('a folder', () => {
  test('may be a path, in full or from here, or a file: address', async () => {
    const address = pathToFileURL(folder);
    for (const source of [
      folder,
      `${folder}/`,
      relative('.', folder),
      address,
      address.href,
      `${address.href}/`,
    ]) {
      expect(await textOf(source), String(source)).toBe('{"a":1}');
      expect(nodeFiles(source).label).toBe(basename(folder));
    }
    expect(nodeFiles(folder, { name: 'nano' }).label).toBe('nano');
  });

  test('has no file where there is none, or a folder of that name', async () => {
    expect(await textOf(folder, 'model.safetensors')).toBeUndefined();
    expect(await textOf(folder, 'tokenizer.json')).toBeUndefined();
  });

  test('that is not there, or is a file, is said so', async () => {
    for (const path of [join(folder, 'nowhere'), join(folder, 'config.json')]) {
      expect(await refusal(() => textOf(path))).toBe(
        `model-not-found: There is no folder ${path}; needed: one with config.json and model.safetensors.`,
      );
    }
  });

  test('without config.json is named in full', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    expect(await refusal(() => openModel(nodeFiles(empty)))).toMatch(
      new RegExp(`^model-not-found: There is no config\\.json in ${empty}; needed: `),
    );
  });

  test('is read by ranges', async () => {
    const file = await nodeFiles(folder).open('config.json');
    expect(new TextDecoder().decode(await file!.read(1, 4))).toBe('"a"');
    expect(await refusal(() => file!.read(4, 8))).toMatch(
      /^corrupt-file: config\.json has 7 bytes; needed: bytes 4 to 8/,
    );
  });

  test('whose file shrinks or goes away while it is read is refused', async () => {
    const path = join(folder, 'shrinking');
    await writeFile(path, 'feather');
    const file = await nodeFiles(folder).open('shrinking');
    await truncate(path, 3);
    expect(await refusal(() => file!.read(0, 7))).toMatch(/^corrupt-file: shrinking became shorter/);
    await rm(path);
    expect(await refusal(() => file!.read(0, 7))).toMatch(/^model-not-found: .*shrinking cannot be read/);
  });
});

test('a record may name paths, file: addresses, web addresses and Blobs', async () => {
  await using server = await serve((_, response) => response.end('from afar'));
  const path = join(folder, 'config.json');
  const record = {
    path,
    url: pathToFileURL(path),
    href: pathToFileURL(path).href,
    web: `${server.origin}/x`,
    blob: new Blob(['a blob']),
    gone: join(folder, 'nowhere'),
  };
  for (const name of ['path', 'url', 'href']) expect(await textOf(record, name), name).toBe('{"a":1}');
  expect(await textOf(record, 'web')).toBe('from afar');
  expect(await textOf(record, 'blob')).toBe('a blob');
  expect(await textOf(record, 'gone')).toBeUndefined();
  expect(await textOf(record, 'toString')).toBeUndefined();
});

test('a web address is downloaded', async () => {
  await using server = await serve(({ url }, response) => response.end(url));
  expect(await textOf(`${server.origin}/arctic/`)).toBe('/arctic/config.json');
});

test.each([null, undefined, 7, 'file://elsewhere.example/x', 'http://['])('%j is refused', async (source) => {
  expect(await refusal(() => nodeFiles(source as ModelSource))).toMatch(/^invalid-input: /);
});

test('a checkpoint in shards is read from a folder', async () => {
  const sharded = await mkdtemp(join(folder, 'sharded-'));
  const shard = (value: number) => ({ dtype: 'F32', shape: [1], data: f32(value) });
  await writeFile(join(sharded, 'one.safetensors'), writeSafetensors({ a: shard(1) }));
  await writeFile(join(sharded, 'two.safetensors'), writeSafetensors({ b: shard(2) }));
  const weight_map = { a: 'one.safetensors', b: 'two.safetensors' };
  await writeFile(join(sharded, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
  const checkpoint = await openCheckpoint(nodeFiles(sharded));
  expect(await checkpoint.read('a')).toEqual(f32(1));
  expect(await checkpoint.read('b')).toEqual(f32(2));
});
