import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SternaError } from './errors.ts';
import { filesOf, folderOf } from './index/collection/testing/copies.ts';
import { MemoryFolder } from './index/files/memory-folder.ts';
import type { Filter } from './index/metadata/types.ts';
import { Scanner } from './index/scan/scanner.ts';
import { SemanticIndex } from './node/semantic-index.ts';
import { IndexService } from './search/index-service.ts';
import type {
  NodeIndexOptions,
  PassageEmbedder,
  SearchDocument,
  SearchOptions,
} from './search/index-types.ts';
import { settingsOf } from './search/settings.ts';
import type { IndexServiceLink, IndexWork } from './search/work.ts';
import { SemanticIndex as PlainIndex } from './semantic-index.ts';
import type { Task } from './types.ts';

type Row = ReturnType<SemanticIndex<object>['rows']> extends AsyncGenerator<infer One> ? One : never;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** An embedder whose vectors count letters, whose passages are lines and whose tokens are letters; every call waits a turn. */
class LetterEmbedder implements PassageEmbedder {
  readonly tasks: Task[] = [];
  texts = 0;
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
    if (task === 'document') this.texts += texts.length;
    const { revision } = this;
    const space = { id: `${revision}/${dimensions}`, model: 'letters', revision, dimensions };
    const embeddings = texts.map((text) => {
      const counts = Float32Array.from(
        { length: dimensions },
        (_, i) => text.split(LETTERS[i]).length - 1 + 0.001,
      );
      const length = Math.hypot(...counts);
      return { values: counts.map((x) => x / length) };
    });
    return { embeddings, space };
  }

  async tokenize(texts: readonly string[]) {
    const tokenized = texts.map((text) => ({
      ids: Uint32Array.from(text, (letter) => letter.codePointAt(0)!),
      offsets: Uint32Array.from({ length: 2 * text.length }, (_, i) => (i + 1) >> 1),
    }));
    return { unknownId: 0, texts: tokenized };
  }
}

const open = (options: Partial<NodeIndexOptions> = {}) =>
  SemanticIndex.open<object>({ embedder: new LetterEmbedder(), codes: 'float32', threads: 1, ...options });
const openService = (folder: MemoryFolder) =>
  IndexService.open({
    folder,
    scanner: Scanner.alone(),
    settings: settingsOf({ embedder: new LetterEmbedder(), codes: 'float32' }),
  });

/** An index at a service of one's own. */
class LinkedIndex extends PlainIndex<object> {
  static over(service: IndexServiceLink, embedder: PassageEmbedder): LinkedIndex {
    return new LinkedIndex(service, embedder, service.report.settings);
  }
}

/** A service that dies once: another process opens what is on the disk, and is asked again what was not answered. */
class MortalService implements IndexServiceLink {
  /** Of call n, 2n: before it is done; 2n + 1: before it is answered. */
  death = Number.NaN;
  isAlive = true;
  private calls = 0;
  private constructor(
    private readonly folder: MemoryFolder,
    private service: IndexService,
  ) {}

  static async open(folder: MemoryFolder): Promise<MortalService> {
    return new MortalService(folder, await openService(folder));
  }

  get report() {
    return this.service.report;
  }

  async perform(work: IndexWork, signal?: AbortSignal) {
    const call = this.calls++;
    if (this.death === 2 * call + 1) await this.service.perform(work, signal);
    if (Math.floor(this.death / 2) === call) {
      this.isAlive = false;
      this.service = await openService(await folderOf(await filesOf(this.folder)));
    }
    return this.service.perform(work, signal);
  }

  dispose(): void {
    this.service.dispose();
  }
}

const tern = { id: 'tern', text: 'ttt\neee\nrrr nnn', metadata: { kind: 'bird', year: 2001 } };
const gull = { id: 'gull', text: 'ggg uuu\nlll', metadata: { kind: 'bird', year: 2010 } };
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error) => (error instanceof SternaError ? error.code : `other: ${error}`),
  );

describe('a search', () => {
  test('finds the passage that answers, with its place in the document', async () => {
    const index = await open();
    await index.add([tern, gull]);
    const [hit] = await index.search('e');
    expect(hit).toMatchObject({ id: 'tern', passage: 'eee', start: 4, end: 7, document: tern });
    expect(hit.score).toBeGreaterThan(0.99);
    expect(hit.scores.vector).toBe(hit.score);
    expect(tern.text.slice(hit.start, hit.end)).toBe(hit.passage);
  });

  test('gives the best passage of each document, or as many as are wanted', async () => {
    const index = await open();
    await index.add([tern, gull]);
    expect((await index.search('t')).map(({ id }) => id).sort()).toEqual(['gull', 'tern']);
    expect(await index.search('t', { perDocument: 3 })).toHaveLength(5);
    expect(await index.search('t', { perDocument: 3, k: 2 })).toHaveLength(2);
  });

  test('gives k documents even where one has nearly all of the passages', async () => {
    const index = await open();
    await index.add({ id: 'many', text: Array(200).fill('aaa').join('\n') });
    for (let i = 0; i < 5; i++) await index.add({ id: `few ${i}`, text: 'aab' });
    expect(await index.search('a', { k: 6 })).toHaveLength(6);
  });

  test('looks only at documents that conditions let through', async () => {
    const index = await open();
    await index.add([tern, gull]);
    const ids = async (filter: Filter) => (await index.search('t', { filter })).map(({ id }) => id);
    expect(await ids({ year: { gte: 2005 } })).toEqual(['gull']);
    expect(await ids({ kind: 'bird', year: 2001 })).toEqual(['tern']);
    expect(await ids({ colour: 'white' })).toEqual([]);
    expect(await code(index.search('t', { filter: { year: { above: 3 } } as Filter }))).toBe('invalid-input');
  });

  test('asks a filter function for documents until there are enough', async () => {
    const index = await open();
    await index.add(Array.from({ length: 300 }, (_, i) => ({ id: `${i}`, text: `a${'b'.repeat(i % 7)}` })));
    const hits = await index.search('a', { k: 3, filter: ({ id }) => Number(id) % 100 === 99 });
    expect(hits.map(({ id }) => id).sort()).toEqual(['199', '299', '99']);
  });

  test('leaves out low scores', async () => {
    const index = await open();
    await index.add([tern, gull]);
    expect(await index.search('q', { minScore: 0.9 })).toEqual([]);
  });

  test('by words finds the passages that have them, and says where', async () => {
    const index = await open();
    await index.add([tern, gull]);
    const [hit, ...others] = await index.search('u', { mode: 'lexical' });
    expect(hit).toMatchObject({ id: 'gull', passage: 'ggg uuu', scores: { lexical: hit.score } });
    expect(hit.highlights.map(([start, end]) => hit.passage.slice(start, end)).join('')).toContain('u');
    expect(others).toEqual([]);
  });

  test('of both tells the score of each leg', async () => {
    const index = await open();
    await index.add([tern, gull]);
    const [hit] = await index.search('lll', { mode: 'hybrid' });
    expect(hit).toMatchObject({ id: 'gull', passage: 'lll' });
    expect(hit.scores.vector).toBeGreaterThan(0.9);
    expect(hit.scores.lexical).toBeGreaterThan(0);
    const [other] = await index.search('lll', { mode: { vector: 1, lexical: 0.2 } });
    expect(other.id).toBe('gull');
  });

  test('of both can be fused by ranks, with weights, and tells the score of each leg', async () => {
    const index = await open();
    const texts = { a: 'eeettt', b: 'ttex', c: 'texx', d: 'tet', e: 'xyz' };
    await index.add(Object.entries(texts).map(([id, text]) => ({ id, text })));
    const search = (options: SearchOptions<object>) => index.search('te', options);
    const order = async (options: SearchOptions<object>) =>
      (await search(options)).map(({ id }) => id).join(' ');
    expect(await order({ mode: 'vector' })).toBe('a d b c e');
    expect(await order({ mode: 'lexical' })).toBe('d b c a');
    const hits = await search({ mode: 'hybrid', fusion: 'rank' });
    const sums = {
      d: 1 / 62 + 1 / 61,
      a: 1 / 61 + 1 / 64,
      b: 1 / 63 + 1 / 62,
      c: 1 / 64 + 1 / 63,
      e: 1 / 65,
    };
    expect(hits.map(({ id }) => id)).toEqual(Object.keys(sums));
    for (const [i, sum] of Object.values(sums).entries()) expect(hits[i].score).toBeCloseTo(sum, 12);
    const [best] = await search({ mode: 'lexical' });
    expect(hits[0].scores).toEqual({ vector: expect.closeTo(0.9487, 3), lexical: best.score });
    expect(hits[4].scores.lexical).toBe(undefined);
    const [first, second] = await search({ mode: { vector: 3, lexical: 1 }, fusion: 'rank' });
    expect([first.id, second.id]).toEqual(['a', 'd']);
    expect(first.score).toBeCloseTo(3 / 61 + 1 / 64, 12);
    expect(second.score).toBeCloseTo(3 / 62 + 1 / 61, 12);
    expect(await order({ mode: 'hybrid', fusion: 'score' })).toBe('a d b c e');
    expect(await order({ mode: 'hybrid' })).toBe('a d b c e');
  });

  test('fused by ranks gives of equal sums the smaller id, whatever was added first', async () => {
    const index = await open();
    await index.add([
      { id: 'z', text: 'eeettt' },
      { id: 'm', text: 'tet' },
    ]);
    const hits = await index.search('te', { mode: 'hybrid', fusion: 'rank', k: 1, perDocument: 2 });
    expect(hits.map(({ id, score }) => [id, score])).toEqual([['m', 1 / 62 + 1 / 61]]);
  });

  test('by words is refused where the index has none', async () => {
    const index = await open({ lexical: false });
    await index.add(tern);
    expect(await code(index.search('t', { mode: 'hybrid' }))).toBe('invalid-input');
    expect(await code(index.search('t', { mode: 'fuzzy' as 'hybrid' }))).toBe('invalid-input');
  });

  test('of an empty index finds nothing', async () => {
    expect(await (await open()).search('t')).toEqual([]);
  });

  test('asks with the task query and adds with the task document', async () => {
    const embedder = new LetterEmbedder();
    const index = await open({ embedder });
    await index.add(tern);
    await index.search('t');
    expect(embedder.tasks).toEqual(['document', 'query']);
  });

  test.each(['', '  ', undefined, 7])('for %j is refused', async (query) => {
    expect(await code((await open()).search(query as string))).toBe('invalid-input');
  });

  test.each([
    { k: 0 },
    { k: 2.5 },
    { perDocument: 0 },
    { minScore: Number.NaN },
    { fusion: 'sum' as 'rank' },
  ])('with %j is refused', async (options) => {
    expect(await code((await open()).search('t', options))).toBe('invalid-input');
  });
});

describe('documents', () => {
  test('can be looked up, counted, and taken out', async () => {
    const index = await open();
    await index.add([tern, gull]);
    expect([index.size, index.passageCount, await index.keys()]).toEqual([2, 5, ['tern', 'gull']]);
    expect(await index.get('tern')).toEqual(tern);
    await index.remove('tern');
    expect([index.size, await index.has('tern'), await index.get('tern')]).toEqual([1, false, undefined]);
    expect((await index.search('t')).map(({ id }) => id)).toEqual(['gull']);
    await index.add(tern);
    expect((await index.search('t'))[0].id).toBe('tern');
  });

  test('without words are kept and never found', async () => {
    const index = await open();
    await index.add([{ id: 'blank', text: '' }, gull]);
    expect(await index.has('blank')).toBe(true);
    expect((await index.search('g')).map(({ id }) => id)).toEqual(['gull']);
    await index.remove('blank');
    expect(index.size).toBe(1);
  });

  test.each([
    [{ id: '', text: 'x' }, 'invalid-input'],
    [{ id: 7, text: 'x' }, 'invalid-input'],
    [{ id: 'a\ud800', text: 'x' }, 'invalid-input'],
    [{ id: 'x', text: 7 }, 'invalid-input'],
    [{ id: 'x', text: 'x', metadata: { f: () => 1 } }, 'invalid-input'],
    [{ id: 'tern', text: 'x' }, 'duplicate-id'],
  ])('like %j are refused, and none of their company gets in', async (document, expected) => {
    const index = await open();
    await index.add(tern);
    expect(await code(index.add([gull, document as typeof tern]))).toBe(expected);
    expect(await index.keys()).toEqual(['tern']);
    expect(await code(index.add(gull))).toBe('fine');
  });

  test('of one id twice in a call, or in two calls at once, are refused', async () => {
    const index = await open();
    expect(await code(index.add([tern, tern]))).toBe('duplicate-id');
    const both = await Promise.all([code(index.add(tern)), code(index.add(tern))]);
    expect(both).toEqual(['fine', 'duplicate-id']);
    expect(index.size).toBe(1);
  });

  test('that are not there cannot be removed, nor any of their company', async () => {
    const index = await open();
    await index.add(tern);
    expect(await code(index.remove(['tern', 'gull']))).toBe('unknown-id');
    expect(index.size).toBe(1);
  });

  test('that were done stay when the rest is aborted, and may be added again', async () => {
    const index = await open();
    const long = Array.from({ length: 5 }, (_, i) => ({ id: `${i}`, text: `${LETTERS[i]} `.repeat(12_000) }));
    const controller = new AbortController();
    const call = index.add(long, {
      signal: controller.signal,
      onProgress: ({ done, total }) => {
        expect([total, index.size]).toEqual([5, done]);
        if (done === 2) controller.abort();
      },
    });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    expect(await index.keys()).toEqual(['0', '1']);
    await index.add(long.slice(2));
    expect(index.size).toBe(5);
  });

  test('that have not changed are not embedded again', async () => {
    const embedder = new LetterEmbedder();
    const index = await open({ embedder });
    await index.add([tern, gull]);
    const before = embedder.texts;
    await index.update([
      tern,
      { ...gull, metadata: { kind: 'gull', year: 2010 } },
      { id: 'new', text: 'zzz' },
    ]);
    expect(embedder.texts - before).toBe(3); // the two passages of the gull, and the new one
    expect((await index.get('gull'))?.metadata).toEqual({ kind: 'gull', year: 2010 });
    expect(index.size).toBe(3);
  });

  test('follow a source', async () => {
    const index = await open();
    await index.add([tern, gull]);
    const source = async function* () {
      yield gull;
      yield { id: 'skua', text: 'sss' };
    };
    const steps: object[] = [];
    const result = await index.sync(source(), { onProgress: (step) => steps.push(step) });
    expect(result).toEqual({ added: 1, updated: 0, unchanged: 1, removed: 1 });
    expect(steps.at(-1)).toEqual(result);
    expect([...(await index.keys())].sort()).toEqual(['gull', 'skua']);
    expect(await index.sync(source())).toEqual({ added: 0, updated: 0, unchanged: 2, removed: 0 });
  });

  test('of a source that is aborted are kept as far as it came', async () => {
    const index = await open();
    await index.add(tern);
    const source = async function* () {
      yield gull;
      throw new Error('The source broke.');
    };
    await expect(index.sync(source())).rejects.toThrow('The source broke.');
    expect(await index.keys()).toEqual(['tern']);
  });

  test('may have any id and any metadata that JSON can hold', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.array(fc.string()),
      fc.date({ noInvalidDate: true }),
    );
    const key = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString'), fc.string());
    const document = fc.record({
      id: fc.oneof(
        fc.constantFrom('__proto__', 'constructor'),
        fc.string({ unit: 'grapheme', minLength: 1 }),
      ),
      text: fc.string({ unit: 'binary' }),
      metadata: fc.array(fc.tuple(key, value)).map((entries) => Object.fromEntries(entries)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(document, { selector: ({ id }) => id, maxLength: 8 }),
        async (documents) => {
          const folder = new MemoryFolder();
          const index = await open({ folder });
          await index.add(documents);
          await index.compact();
          await index.dispose();
          const again = await open({ folder });
          for (const one of documents) expect(await again.get(one.id)).toEqual(one);
          expect(again.size).toBe(documents.length);
          await again.dispose();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('kept in a folder', () => {
  test('an index comes back as it was', async () => {
    const folder = new MemoryFolder();
    const index = await open({ folder });
    await index.add([tern, { id: 'blank', text: '\n' }, gull]);
    await index.remove('gull');
    await index.add(gull);
    const queries = ['t', 'e', 'g', 'l'];
    const before = await Promise.all(queries.map((query) => index.search(query, { mode: 'hybrid' })));
    await index.dispose();
    const again = await open({ folder });
    expect(again.report.recovery).toMatchObject({ replayed: 3, tornBytes: 0, damagedRecords: 0 });
    expect(await Promise.all(queries.map((query) => again.search(query, { mode: 'hybrid' })))).toEqual(
      before,
    );
    await again.add({ id: 'new', text: 'zzz' });
    expect((await again.search('z'))[0].id).toBe('new');
  });

  test('an index is not searched or added to with another model, and says both names', async () => {
    const folder = new MemoryFolder();
    const index = await open({ folder });
    await index.add(tern);
    await index.dispose();
    const other = await open({ folder, embedder: new LetterEmbedder('other') });
    for (const work of [other.search('t'), other.add(gull)])
      await expect(work).rejects.toMatchObject({
        code: 'space-mismatch',
        message: expect.stringMatching(/letters\/26.*other\/26/),
      });
    expect(other.size).toBe(1);
  });

  test('an index can be embedded anew, and goes on where it was interrupted', async () => {
    const folder = new MemoryFolder();
    const documents = Array.from({ length: 700 }, (_, i) => ({
      id: `${i}`,
      text: LETTERS[i % 26].repeat(3),
    }));
    let index = await open({ folder });
    await index.add(documents);
    const embedder = new LetterEmbedder('other');
    const controller = new AbortController();
    const interrupted = index.reindex({
      embedder,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' });
    expect((await index.search('t'))[0].passage).toBe('ttt');
    const done = embedder.texts;
    await index.dispose();

    index = await open({ folder });
    await index.remove('3');
    await index.reindex({ embedder });
    expect(embedder.texts).toBeLessThan(done + documents.length);
    expect([index.size, index.space]).toEqual([699, 'other/26']);
    expect((await index.search('t'))[0].passage).toBe('ttt');
    await index.dispose();
    index = await open({ folder, embedder });
    expect((await index.search('t'))[0].passage).toBe('ttt');
    expect([index.size, await index.has('3')]).toEqual([699, false]);
  });

  test('an index of int8 codes is searched like one of floats', async () => {
    const documents = Array.from({ length: 600 }, (_, i) => ({
      id: `${i}`,
      text: Array.from({ length: 12 }, (_, j) => LETTERS[(i * (j + 3) + j * j) % 26]).join(''),
    }));
    const exact = await open();
    const index = await open({ codes: 'int8' });
    for (const one of [exact, index]) {
      await one.add(documents);
      await one.compact();
    }
    expect(index.report).toMatchObject({ segments: 1 });
    for (const query of ['abc', 'xyz', 'qqr']) {
      const hits = await index.search(query, { k: 5 });
      const expected = await exact.search(query, { k: 5 });
      for (const [i, { score }] of hits.entries())
        expect(Math.abs(score - expected[i].score)).toBeLessThan(0.01);
    }
  });
});

describe('embedding anew', () => {
  const documents = Array.from({ length: 40 }, (_, i) => ({ id: `${i}`, text: LETTERS[i % 26].repeat(3) }));

  test('comes to an end beside somebody who never pauses, whose documents are all there', async () => {
    const index = await open();
    await index.add(documents);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    let isOver = false;
    let added = 0;
    const embedder = new LetterEmbedder('other');
    const embed = embedder.embed.bind(embedder);
    // While texts are embedded a document is added, unless that has to wait.
    embedder.embed = async (texts, options) => {
      const before = added;
      const end = Date.now() + 50;
      while (texts.length > 0 && added === before && Date.now() < end) await turn();
      return embed(texts, options);
    };
    const adding = (async () => {
      for (; !isOver; added++) {
        await index.add({ id: `new ${added}`, text: `q${LETTERS[added % 26]}` });
        await turn();
      }
    })();
    const searching = (async () => {
      while (!isOver) {
        const [hit] = await index.search('ccc');
        expect(hit.score).toBeGreaterThan(0.99);
        await turn();
      }
    })();
    await index.reindex({ embedder });
    isOver = true;
    await Promise.all([adding, searching]);
    expect([index.size, index.space]).toEqual([documents.length + added, 'other/26']);
    expect(await Promise.all(Array.from({ length: added }, (_, i) => index.has(`new ${i}`)))).not.toContain(
      false,
    );
  }, 20_000);

  test('refuses what another index of the same service adds and asks with the old embedder', async () => {
    const folder = new MemoryFolder();
    const service = await openService(folder);
    const [one, other] = [0, 1].map(() => LinkedIndex.over(service, new LetterEmbedder()));
    await one.add(documents);
    await one.reindex({ embedder: new LetterEmbedder('other') });
    expect(await code(other.search('t'))).toBe('space-mismatch');
    expect(await code(other.add(tern))).toBe('space-mismatch');
    expect((await one.search('t'))[0].passage).toBe('ttt');
  });

  test('goes on, and embeds nothing twice, when the leader dies before any call is answered', async () => {
    let isReached = true;
    for (let death = 0; isReached; death++) {
      const folder = new MemoryFolder();
      const first = LinkedIndex.over(await openService(folder), new LetterEmbedder());
      await first.add(documents);
      const service = await MortalService.open(folder);
      const index = LinkedIndex.over(service, new LetterEmbedder());
      service.death = death;
      const embedder = new LetterEmbedder('other');
      await index.reindex({ embedder });
      isReached = !service.isAlive;
      expect(embedder.texts).toBe(documents.length);
      expect([index.size, index.space]).toEqual([documents.length, 'other/26']);
      expect((await index.search('t'))[0].passage).toBe('ttt');
      await index.add(tern);
      expect(await index.has('tern')).toBe(true);
    }
  });
});

describe('as a file', () => {
  const bytesOf = async (stream: ReadableStream<Uint8Array>) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of stream as unknown as AsyncIterable<Uint8Array>) pieces.push(piece);
    return new Uint8Array(Buffer.concat(pieces));
  };

  test('an index comes back as it was', async () => {
    const index = await open();
    await index.add([tern, gull]);
    const copy = await open();
    await copy.add({ id: 'old', text: 'ooo' });
    await copy.import(await bytesOf(index.export()));
    expect([...(await copy.keys())].sort()).toEqual(['gull', 'tern']);
    expect(await copy.search('t', { mode: 'hybrid' })).toEqual(await index.search('t', { mode: 'hybrid' }));
    await copy.add({ id: 'new', text: 'zzz' });
    expect((await copy.search('z'))[0].id).toBe('new');
  });

  test('an index that is damaged anywhere is refused or whole, and what was there stays', async () => {
    const index = await open();
    await index.add([tern, gull]);
    const bytes = await bytesOf(index.export());
    const hits = await index.search('t', { mode: 'hybrid' });
    for (let at = 0; at < bytes.length; at += 7) {
      const copy = await open();
      await copy.add({ id: 'old', text: 'ooo' });
      const damaged = bytes.slice();
      damaged[at] ^= 0x10;
      const outcome = await code(copy.import(damaged));
      if (outcome === 'corrupt-file') expect(await copy.keys(), `byte ${at}`).toEqual(['old']);
      else {
        expect(outcome).toBe('fine');
        const found = await copy.search('t', { mode: 'hybrid' }).catch((error) => error.code);
        if (found !== 'corrupt-file') expect(found, `byte ${at}`).toEqual(hits);
      }
      await copy.dispose();
    }
  });

  test('its rows are all that another database needs, and come back', async () => {
    const index = await open();
    await index.add([tern, { id: 'blank', text: ' ' }, gull]);
    const rows: Row[] = [];
    for await (const row of index.rows()) rows.push(row);
    expect(rows.map(({ id, passage, text }) => [id, passage, text])).toEqual([
      ['tern', 0, 'ttt'],
      ['tern', 1, 'eee'],
      ['tern', 2, 'rrr nnn'],
      ['blank', 0, ' '],
      ['gull', 0, 'ggg uuu'],
      ['gull', 1, 'lll'],
    ]);
    expect(rows.map(({ document }) => document)).toEqual([
      tern.text,
      undefined,
      undefined,
      ' ',
      gull.text,
      undefined,
    ]);
    const copy = await open();
    const source = async function* () {
      yield* rows;
    };
    await copy.addRows(source(), { space: index.report.space });
    expect(await copy.get('tern')).toEqual(tern as SearchDocument<object>);
    expect(await copy.search('t', { mode: 'hybrid' })).toEqual(await index.search('t', { mode: 'hybrid' }));
  });
});

test.each([
  { passageTokens: 0 },
  { passageTokens: 2.5 },
  { codes: 'int2' as 'int8' },
  { rerank: 'f16' as 'int8' },
])('an index with %j is refused', async (options) => {
  expect(await code(open(options))).toBe('invalid-input');
});

test('an index that was disposed of refuses calls', async () => {
  const index = await open();
  await index.dispose();
  expect(await code(index.add(tern))).toBe('disposed');
  expect(await code(index.search('t'))).toBe('disposed');
});
