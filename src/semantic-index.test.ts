import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SternaError } from './errors.ts';
import { type PassageEmbedder, SemanticIndex } from './semantic-index.ts';
import type { Task } from './types.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** An embedder whose vectors count letters and whose passages are lines; every call waits a turn. */
class LetterEmbedder implements PassageEmbedder {
  readonly tasks: Task[] = [];
  constructor(private readonly revision = 'letters') {}

  async chunk(texts: readonly string[], { signal }: { signal?: AbortSignal }) {
    await Promise.resolve();
    signal?.throwIfAborted();
    return texts.map((text) =>
      Array.from(text.matchAll(/[^\n]+/g), ({ 0: line, index }) => ({
        text: line,
        start: index,
        end: index + line.length,
        tokenCount: line.length,
      })),
    );
  }

  async embed(
    texts: readonly string[],
    { task, dimensions = 26, signal }: { task: Task; dimensions?: number; signal?: AbortSignal },
  ) {
    await Promise.resolve();
    signal?.throwIfAborted();
    this.tasks.push(task);
    const { revision } = this;
    const space = { id: `${revision}/${dimensions}`, model: 'letters', revision, dimensions };
    const embeddings = texts.map((text) => ({
      values: Float32Array.from({ length: dimensions }, (_, i) => text.split(LETTERS[i]).length - 1 + 0.001),
    }));
    return { embeddings, space };
  }
}

const make = () => new SemanticIndex<string>(new LetterEmbedder());
const tern = { id: 'tern', text: 'ttt\neee\nrrr nnn', metadata: 'bird' };
const gull = { id: 'gull', text: 'ggg uuu\nlll', metadata: 'bird' };
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error) => (error instanceof SternaError ? error.code : `other: ${error}`),
  );

describe('a search', () => {
  test('finds the passage that answers, with its place in the document', async () => {
    const index = make();
    await index.add([tern, gull]);
    const [hit] = await index.search('e');
    expect(hit).toMatchObject({ id: 'tern', passage: 'eee', start: 4, end: 7, document: tern });
    expect(hit.score).toBeGreaterThan(0.99);
    expect(tern.text.slice(hit.start, hit.end)).toBe(hit.passage);
  });

  test('gives the best passage of each document, or as many as are wanted', async () => {
    const index = make();
    await index.add([tern, gull]);
    expect((await index.search('t')).map(({ id }) => id).sort()).toEqual(['gull', 'tern']);
    expect(await index.search('t', { perDocument: 3 })).toHaveLength(5);
    expect(await index.search('t', { perDocument: 3, k: 2 })).toHaveLength(2);
  });

  test('gives k documents even where one has nearly all of the passages', async () => {
    const index = make();
    await index.add({ id: 'many', text: Array(200).fill('aaa').join('\n') });
    for (let i = 0; i < 5; i++) await index.add({ id: `few ${i}`, text: 'aab' });
    expect(await index.search('a', { k: 6 })).toHaveLength(6);
  });

  test('asks the filter for documents, and leaves out low scores', async () => {
    const index = make();
    await index.add([tern, gull]);
    const hits = await index.search('t', { filter: ({ id }) => id !== 'tern' });
    expect(hits.map(({ id }) => id)).toEqual(['gull']);
    expect(await index.search('q', { minScore: 0.9 })).toEqual([]);
  });

  test('of an empty index finds nothing', async () => {
    expect(await make().search('t')).toEqual([]);
  });

  test('asks with the task query and adds with the task document', async () => {
    const embedder = new LetterEmbedder();
    const index = new SemanticIndex(embedder);
    await index.add(tern);
    await index.search('t');
    expect(embedder.tasks).toEqual(['document', 'query']);
  });

  test.each(['', '  ', undefined, 7])('for %j is refused', async (query) => {
    expect(await code(make().search(query as string))).toBe('invalid-input');
  });

  test.each([{ k: 0 }, { k: 2.5 }, { perDocument: 0 }])('with %j is refused', async (options) => {
    expect(await code(make().search('t', options))).toBe('invalid-input');
  });
});

describe('documents', () => {
  test('can be looked up, counted, and taken out', async () => {
    const index = make();
    await index.add([tern, gull]);
    expect([index.size, index.passageCount, [...index.keys()]]).toEqual([2, 5, ['tern', 'gull']]);
    expect(index.get('tern')).toBe(tern);
    index.remove('tern');
    expect([index.size, index.passageCount, index.has('tern'), index.get('tern')]).toEqual([
      1,
      2,
      false,
      undefined,
    ]);
    expect((await index.search('t')).map(({ id }) => id)).toEqual(['gull']);
    await index.add(tern);
    expect((await index.search('t'))[0].id).toBe('tern');
  });

  test('without words are kept and never found', async () => {
    const index = make();
    await index.add([{ id: 'blank', text: '' }, gull]);
    expect(index.has('blank')).toBe(true);
    expect((await index.search('g')).map(({ id }) => id)).toEqual(['gull']);
    index.remove('blank');
    expect(index.size).toBe(1);
  });

  test.each([
    [{ id: '', text: 'x' }, 'invalid-input'],
    [{ id: 7, text: 'x' }, 'invalid-input'],
    [{ id: 'x', text: 7 }, 'invalid-input'],
    [{ id: 'tern', text: 'x' }, 'duplicate-id'],
  ])('like %j are refused, and none of their company gets in', async (document, expected) => {
    const index = make();
    await index.add(tern);
    expect(await code(index.add([gull, document as typeof tern]))).toBe(expected);
    expect([...index.keys()]).toEqual(['tern']);
    expect(await code(index.add(gull))).toBe('fine');
  });

  test('of one id twice in a call, or in two calls at once, are refused', async () => {
    const index = make();
    expect(await code(index.add([tern, tern]))).toBe('duplicate-id');
    const both = await Promise.all([code(index.add(tern)), code(index.add(tern))]);
    expect(both).toEqual(['fine', 'duplicate-id']);
    expect(index.size).toBe(1);
  });

  test('that are not there cannot be removed', () => {
    expect(() => make().remove('tern')).toThrow(expect.objectContaining({ code: 'unknown-id' }));
  });

  test('can be found while others are still on their way', async () => {
    const index = make();
    const long = Array.from({ length: 5 }, (_, i) => ({ id: `${i}`, text: `${LETTERS[i]} `.repeat(3000) }));
    const sizes: number[] = [];
    await index.add(long, {
      onProgress: ({ done, total }) => {
        expect(total).toBe(5);
        expect(index.size).toBe(done);
        sizes.push(done);
      },
    });
    expect(sizes).toEqual([1, 2, 3, 4, 5]);
  });

  test('that were done stay when the rest is aborted, and may be added again', async () => {
    const index = make();
    const long = Array.from({ length: 5 }, (_, i) => ({ id: `${i}`, text: `${LETTERS[i]} `.repeat(3000) }));
    const controller = new AbortController();
    const call = index.add(long, {
      signal: controller.signal,
      onProgress: ({ done }) => done === 2 && controller.abort(),
    });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect([...index.keys()]).toEqual(['0', '1']);
    await index.add(long.slice(2));
    expect(index.size).toBe(5);
  });
});

test.each([0, 2.5, -1])('passages of %d tokens are refused', (passageTokens) => {
  expect(() => new SemanticIndex(new LetterEmbedder(), { passageTokens })).toThrow(
    expect.objectContaining({ code: 'invalid-input' }),
  );
});

describe('as bytes', () => {
  test('an index comes back as it was', async () => {
    const index = make();
    await index.add([tern, { id: 'blank', text: '\n', metadata: 'none' }, gull]);
    index.remove('gull');
    await index.add(gull);
    const copy = SemanticIndex.from<string>(index.toBytes(), new LetterEmbedder());
    expect([...copy.keys()]).toEqual([...index.keys()]);
    for (const query of ['t', 'e', 'g', 'l'])
      expect(await copy.search(query)).toEqual(await index.search(query));
    await copy.add({ id: 'new', text: 'zzz' });
    expect((await copy.search('z'))[0].id).toBe('new');
  });

  test('an empty index comes back empty', async () => {
    const copy = SemanticIndex.from(make().toBytes(), new LetterEmbedder());
    expect(copy.size).toBe(0);
    expect(await copy.search('t')).toEqual([]);
  });

  test('an index keeps the length of its vectors', async () => {
    const index = new SemanticIndex(new LetterEmbedder(), { dimensions: 5, passageTokens: 9 });
    await index.add({ id: 'x', text: 'abc' });
    const copy = SemanticIndex.from(index.toBytes(), new LetterEmbedder());
    expect(copy.space).toBe('letters/5');
    await copy.add({ id: 'y', text: 'cde' });
    expect(copy.size).toBe(2);
  });

  test('an index is not searched or added to with another model', async () => {
    const index = make();
    await index.add(tern);
    const copy = SemanticIndex.from<string>(index.toBytes(), new LetterEmbedder('other'));
    expect(await code(copy.search('t'))).toBe('space-mismatch');
    expect(await code(copy.add(gull))).toBe('space-mismatch');
    expect(copy.size).toBe(1);
  });

  test('an index that is damaged anywhere is refused', async () => {
    const index = make();
    await index.add([tern, gull]);
    const bytes = index.toBytes();
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] ^= 0x10;
      expect(() => SemanticIndex.from(damaged, new LetterEmbedder()), `byte ${at}`).toThrow(SternaError);
      expect(() => SemanticIndex.from(bytes.subarray(0, at), new LetterEmbedder())).toThrow(SternaError);
    }
  });

  test('anything else is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(() => SemanticIndex.from(bytes, new LetterEmbedder())).toThrow(
          expect.objectContaining({ code: 'corrupt-file' }),
        );
      }),
    );
  });
});
