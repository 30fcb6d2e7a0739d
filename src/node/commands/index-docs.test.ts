import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { emptyFolder, lines, writeFiles } from '../../eval/testing/set-folder.ts';
import { ShardedIndex } from '../../shards/sharded-index.ts';
import { Embedder } from '../index.ts';
import { openIndex } from '../index-place.ts';
import { exportIndex } from './export.ts';
import { importIndex } from './import.ts';
import { type IndexCommand, indexDocuments } from './index-docs.ts';
import { type SearchCommand, search } from './search.ts';

const BIRDS: Readonly<Record<string, string>> = {
  'terns.md': '# Terns\n\nThe Arctic tern flies from pole to pole every year.',
  'sea/puffins.html': '<title>Puffins</title><p>Puffins nest in burrows on cliffs.',
  'bread.txt': 'Bread is baked in a hot oven.',
};

const load = () => Embedder.create({ model: 'nano', device: 'wasm', threads: 1 });

const index = (source: string, output: string, command: Partial<IndexCommand> = {}) =>
  indexDocuments({ source, output, load, onProgress: () => {}, ...command });

async function birds(): Promise<string> {
  const folder = emptyFolder();
  await writeFiles(folder, BIRDS);
  return folder;
}

describe('sterna index', () => {
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await load();
  });
  afterAll(() => embedder.dispose());
  afterEach(() => vi.unstubAllEnvs());

  const find = async (path: string, command: Partial<SearchCommand> = {}) =>
    search(embedder, {
      source: { index: path },
      query: 'Where do puffins nest?',
      k: 1,
      onProgress: () => {},
      ...command,
    });

  it('makes an index of a folder, which is found in again', async () => {
    const output = join(emptyFolder(), 'new', 'index');
    const made = await index(await birds(), output, { dimensions: 128, codes: 'int4', passageTokens: 64 });
    expect(made).toMatchObject({
      added: 3,
      updated: 0,
      unchanged: 0,
      removed: 0,
      documents: 3,
      ready: false,
    });
    expect(made.model).toBe('nano');
    const [hit] = await find(output);
    expect(hit).toMatchObject({
      id: 'sea/puffins.html',
      document: { metadata: { title: 'Puffins', path: 'sea/puffins.html' } },
    });
    const [word] = await find(output, { query: 'oven', mode: 'lexical' });
    expect([word.id, word.highlights.length]).toEqual(['bread.txt', 1]);
    expect(await find(output, { filter: '{"title":"Terns"}', mode: 'hybrid' })).toMatchObject([
      { id: 'terns.md' },
    ]);
    await using opened = await openIndex(output);
    expect(opened.report).toMatchObject({
      settings: { codes: 'int4', passageTokens: 64 },
      space: { dimensions: 128 },
    });
  });

  it('brings it up to date: what is as it was is not embedded again', async () => {
    const [source, output] = [await birds(), emptyFolder()];
    await index(source, output);
    writeFileSync(join(source, 'bread.txt'), 'Bread is eaten by gulls.');
    writeFileSync(join(source, 'new.txt'), 'Something new.');
    rmSync(join(source, 'terns.md'));
    expect(await index(source, output)).toMatchObject({
      added: 1,
      updated: 1,
      unchanged: 1,
      removed: 1,
      documents: 3,
    });
    expect(await index(source, output)).toMatchObject({ added: 0, updated: 0, unchanged: 3, removed: 0 });
  });

  it('goes on after an interruption', async () => {
    const source = join(emptyFolder(), 'docs.jsonl');
    const documents = Array.from({ length: 600 }, (_, i) => ({ id: i, text: `Document ${i} of birds.` }));
    writeFileSync(source, lines(documents));
    const output = emptyFolder();
    const controller = new AbortController();
    const stop = new Error('stop');
    const onProgress = () => controller.abort(stop);
    await expect(index(source, output, { signal: controller.signal, onProgress })).rejects.toBe(stop);
    const { added, unchanged } = await index(source, output);
    expect(added + unchanged).toBe(600);
    expect(unchanged).toBeGreaterThanOrEqual(256);
  });

  it('reads JSON lines, whose other fields are metadata as far as they are wanted', async () => {
    const source = join(emptyFolder(), 'docs.jsonl');
    writeFileSync(
      source,
      lines([
        { id: 1, text: 'tern', lang: 'en', year: 2001, draft: { a: 1 }, ['__proto__']: 2 },
        { id: 'b', text: 'mås' },
      ]),
    );
    const output = emptyFolder();
    await index(source, output, { metadata: 'lang,year,toString' });
    await using opened = await openIndex(output);
    expect(await opened.get('1')).toEqual({ id: '1', text: 'tern', metadata: { lang: 'en', year: 2001 } });
    expect((await opened.get('b'))?.metadata).toBeUndefined();
  });

  it('writes one file, which is brought up to date as well, from itself where nothing else is left', async () => {
    const [source, folder] = [await birds(), emptyFolder()];
    const output = join(folder, 'notes.sterna');
    vi.stubEnv('XDG_CACHE_HOME', emptyFolder());
    expect(await index(source, output)).toMatchObject({ added: 3 });
    expect(await index(source, output)).toMatchObject({ added: 0, unchanged: 3 });
    vi.stubEnv('XDG_CACHE_HOME', emptyFolder());
    writeFileSync(join(source, 'new.txt'), 'Puffins again.');
    expect(await index(source, output)).toMatchObject({ added: 1, unchanged: 3 });
    expect(readdirSync(folder)).toEqual(['notes.sterna']);
    expect(await find(output)).toMatchObject([{ id: 'sea/puffins.html' }]);
  });

  it('publishes files for a static host, and only those that have changed', async () => {
    const [source, output] = [await birds(), join(emptyFolder(), 'search')];
    vi.stubEnv('XDG_CACHE_HOME', emptyFolder());
    const { published, documents } = await index(source, output, { sharded: true });
    expect([published!.kept, documents]).toEqual([0, 3]);
    const files = readdirSync(output);
    expect(files).toContain('search.json');
    expect(files.length).toBe(published!.written);
    expect(await index(source, output, { sharded: true })).toMatchObject({
      unchanged: 3,
      published: { written: 1, kept: files.length - 1 },
    });
    const { embeddings } = await embedder.embed(['Where do puffins nest?'], { task: 'query' });
    const sharded = await ShardedIndex.open('https://birds.example/search/', {
      fetch: async (url) => new Response(readFileSync(join(output, basename(String(url))))),
    });
    const { hits } = await sharded.search(embeddings[0].values, { k: 1 });
    expect(hits).toMatchObject([{ id: 'sea/puffins.html', metadata: { title: 'Puffins' } }]);
    await expect(index(source, source, { sharded: true })).rejects.toThrow('has other files');
  });

  it.each(['parquet', 'arrow', 'arrows'])(
    'takes vectors of a .%s file as they are, where the model is the same',
    async (kind) => {
      const [source, folder] = [await birds(), emptyFolder()];
      const [first, second, third] = ['1', '2', '3'].map((name) => join(folder, name));
      await index(source, first);
      const file = join(folder, `birds.${kind}`);
      expect(await exportIndex({ index: first, output: file })).toMatchObject({ documents: 3, passages: 3 });
      expect(await index(file, second)).toMatchObject({ added: 3, ready: true, documents: 3 });
      expect(await index(file, second)).toMatchObject({ added: 0, unchanged: 3, ready: true });
      expect((await find(second, { k: 3 })).map(({ id }) => id)).toEqual(
        (await find(first, { k: 3 })).map(({ id }) => id),
      );
      expect(await find(second, { query: 'oven', mode: 'lexical' })).toMatchObject([{ id: 'bread.txt' }]);
      expect(await index(file, third, { dimensions: 128 })).toMatchObject({ added: 3, ready: false });
      rmSync(join(source, 'bread.txt'));
      await index(source, first);
      await exportIndex({ index: first, output: file });
      expect(await index(file, second)).toMatchObject({ removed: 1, unchanged: 2 });
    },
  );

  it('mixes no models and settings, but embeds anew when told to', async () => {
    const [source, output] = [await birds(), emptyFolder()];
    await index(source, output);
    await expect(index(source, output, { dimensions: 128 })).rejects.toMatchObject({
      code: 'space-mismatch',
      message: expect.stringMatching(/nano@\w+\/256, not nano@\w+\/128.*--reindex/),
    });
    await expect(index(source, output, { codes: 'int4' })).rejects.toThrow('has int8 codes, not int4');
    await expect(index(source, output, { passageTokens: 9 })).rejects.toThrow(
      'passages of 128 tokens, not 9',
    );
    expect(await index(source, output, { dimensions: 128, codes: 'int4', reindex: true })).toMatchObject({
      unchanged: 3,
    });
    expect(await index(source, output, { dimensions: 128 })).toMatchObject({ unchanged: 3 });
    expect(await find(output)).toMatchObject([{ id: 'sea/puffins.html' }]);
  });

  it('exports and imports without a model', async () => {
    const [source, folder] = [await birds(), emptyFolder()];
    const [first, file, second] = ['first', 'all.sterna', 'second'].map((name) => join(folder, name));
    await index(source, first);
    await exportIndex({ index: first, output: file });
    expect(await importIndex({ file, index: second })).toEqual({ documents: 3 });
    expect(await index(source, second)).toMatchObject({ unchanged: 3, added: 0 });
    await expect(importIndex({ file, index: second })).rejects.toThrow('has something in it already');
    await expect(exportIndex({ index: first, output: join(folder, 'x.csv') })).rejects.toThrow(
      'needed: a file name',
    );
    await expect(exportIndex({ index: first, output: '/nowhere/x.sterna' })).rejects.toThrow(
      'cannot be written',
    );
    await expect(importIndex({ file: '/nowhere', index: second })).rejects.toThrow(
      'There is no file /nowhere',
    );
  });

  it('refuses what is no source, no place and no index, before a model is loaded', async () => {
    const [source, other] = [await birds(), await birds()];
    const never = { load: () => Promise.reject(new Error('loaded')) };
    const refused: [() => Promise<unknown>, string][] = [
      [() => index('/nowhere', emptyFolder(), never), 'There is no file or folder /nowhere.'],
      [() => index(source, other, never), `${other} is there and is no index`],
      [() => index(source, join(other, 'bread.txt'), never), 'is there and is no index'],
      [
        () => index(source, emptyFolder(), { ...never, codes: 'int2' }),
        '--codes is "int2"; needed: float32, int8',
      ],
      [() => find(other), 'has no index'],
      [() => find('/nowhere'), 'There is no index at /nowhere'],
      [() => find(join(other, 'bread.txt')), 'no usable export of an index'],
      [() => find(other, { mode: 'smell' }), '--mode is "smell"; needed: vector, lexical, hybrid.'],
      [() => find(other, { filter: '{' }), '--filter is not JSON'],
      [() => find(other, { dimensions: 64 }), '--dimensions goes with --documents'],
    ];
    for (const [done, words] of refused) await expect(done()).rejects.toThrow(words);
  });

  it('keeps an index whose source has lost all of its documents', async () => {
    const [source, output] = [await birds(), emptyFolder()];
    await index(source, output);
    await expect(index(emptyFolder(), output)).rejects.toThrow('There is no document in ');
    expect((await find(output)).length).toBe(1);
    expect(existsSync(join(output, 'lock'))).toBe(false);
  });
});
