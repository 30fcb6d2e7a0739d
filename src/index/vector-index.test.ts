import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { SternaError } from '../errors.ts';
import { Heap } from './scan/heap.ts';
import { randomNumbers, randomVectors } from './testing/vectors.ts';
import { VectorIndex, type VectorIndexOptions } from './vector-index.ts';

const DIMENSIONS = 5;
const value = fc.float({ min: -10, max: 10, noNaN: true });
const vector = fc
  .array(value, { minLength: DIMENSIONS, maxLength: DIMENSIONS })
  .filter((values) => values.some((x) => Math.abs(x) > 1e-3));
const entries = fc.uniqueArray(
  fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), vector),
  {
    selector: ([id]) => id,
    maxLength: 60,
  },
);

function indexOf(all: readonly (readonly [string, readonly number[]])[]): VectorIndex {
  const index = new VectorIndex({ dimensions: DIMENSIONS });
  for (const [id, values] of all) index.add(id, values);
  return index;
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = a.reduce((sum, x, i) => sum + x * b[i], 0);
  return dot / Math.hypot(...a) / Math.hypot(...b);
}

/** The code and the words that something is refused with. */
function refused(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof SternaError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'not refused';
}

describe('a search', () => {
  test('finds what comparing with every vector finds, best first', () => {
    fc.assert(
      fc.property(entries, vector, fc.integer({ min: 1, max: 12 }), (all, query, k) => {
        const hits = indexOf(all).search(query, { k });
        const expected = all.map(([, values]) => cosine(query, values)).sort((a, b) => b - a);
        expect(hits).toHaveLength(Math.min(k, all.length));
        for (const [i, { id, score }] of hits.entries()) {
          expect(score).toBeCloseTo(expected[i], 5);
          expect(score).toBeCloseTo(cosine(query, all.find(([other]) => other === id)![1]), 5);
        }
      }),
    );
  });

  test('finds the same in whatever order vectors came', () => {
    fc.assert(
      fc.property(entries, vector, (all, query) => {
        expect(indexOf([...all].reverse()).search(query)).toEqual(indexOf(all).search(query));
      }),
    );
  });

  test('orders equal vectors by id', () => {
    const index = indexOf(['c', 'a', 'd', 'b'].map((id) => [id, [1, 2, 3, 4, 5]]));
    expect(index.search([1, 2, 3, 4, 5], { k: 3 }).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  test('leaves out what a filter or the lowest score forbids', () => {
    fc.assert(
      fc.property(entries, vector, fc.float({ min: -1, max: 1, noNaN: true }), (all, query, minScore) => {
        const filter = (id: string) => id.length > 1;
        const hits = indexOf(all).search(query, { k: 100, filter, minScore });
        const expected = indexOf(all)
          .search(query, { k: 100 })
          .filter(({ id, score }) => filter(id) && score >= minScore);
        expect(hits).toEqual(expected);
      }),
    );
  });

  test('takes every kind of numbers, of any length', () => {
    const index = indexOf([['x', [3, 0, 4, 0, 0]]]);
    for (const query of [
      [30, 0, 40, 0, 0],
      Int8Array.of(3, 0, 4, 0, 0),
      Float64Array.of(3e-200, 0, 4e-200, 0, 0),
      Float64Array.of(3e200, 0, 4e200, 0, 0),
    ])
      expect(index.search(query)[0].score).toBeCloseTo(1, 6);
  });

  test('of an empty index finds nothing', () => {
    expect(indexOf([]).search([1, 0, 0, 0, 0])).toEqual([]);
  });
});

describe('an index', () => {
  test('holds what was added and not removed, as a map would', () => {
    const commands = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), vector), { maxLength: 60 });
    fc.assert(
      fc.property(commands, (all) => {
        const index = new VectorIndex({ dimensions: DIMENSIONS });
        const model = new Map<string, number[]>();
        for (const [id, values] of all) {
          if (model.delete(id)) index.remove(id);
          else {
            index.add(id, values);
            model.set(id, values);
          }
          expect(index.size).toBe(model.size);
        }
        expect([...index.keys()].sort()).toEqual([...model.keys()].sort());
        for (const [id, values] of model) {
          expect(index.has(id)).toBe(true);
          const length = Math.hypot(...values);
          for (const [i, x] of index.get(id)!.entries()) expect(x).toBeCloseTo(values[i] / length, 5);
        }
      }),
    );
  });

  test('gives copies of its vectors, and nothing for an id that it does not have', () => {
    const index = indexOf([['x', [1, 0, 0, 0, 0]]]);
    index.get('x')!.fill(7);
    expect([...index.get('x')!]).toEqual([1, 0, 0, 0, 0]);
    expect(index.get('y')).toBeUndefined();
    expect(index.has('toString')).toBe(false);
  });

  test('grows as far as it must', () => {
    const index = new VectorIndex({ dimensions: 3 });
    for (let i = 0; i < 5000; i++) index.add(`${i}`, [1, i, i * i]);
    expect(index.size).toBe(5000);
    expect(index.search([1, 4321, 4321 * 4321], { k: 1 })[0].score).toBeCloseTo(1, 6);
  });
});

describe('what cannot be indexed', () => {
  const index = indexOf([['tern', [1, 2, 3, 4, 5]]]);
  const add = (id: unknown, values: unknown) => refused(() => index.add(id as string, values as number[]));

  test.each([
    [[1, 2, Number.NaN, 4, 5], 'Dimension 2 of the vector is NaN; needed: finite numbers.'],
    [
      [1, 2, 3, 4, Number.NEGATIVE_INFINITY],
      'Dimension 4 of the vector is -Infinity; needed: finite numbers.',
    ],
    [[0, 0, 0, 0, -0], 'The vector is all zeros, so it has no direction.'],
    [[1, 2, 3, 4], 'The vector has 4 dimensions; needed: 5.'],
    [[1, 2, 3, 4, 5, 6], 'The vector has 6 dimensions; needed: 5.'],
    [[], 'The vector has 0 dimensions; needed: 5.'],
    [[1, 2, 3, undefined, 5], 'Dimension 3 of the vector is undefined; needed: finite numbers.'],
    [[1, 2, '3', 4, 5], 'Dimension 2 of the vector is 3; needed: finite numbers.'],
  ])('is a vector like %j, and it cannot be searched for', (values, words) => {
    expect(add('new', values)).toBe(`invalid-vector: ${words}`);
    expect(refused(() => index.search(values as number[]))).toBe(`invalid-vector: ${words}`);
  });

  test('is an id that is there', () => {
    expect(add('tern', [1, 0, 0, 0, 0])).toBe(
      'duplicate-id: "tern" is in the index already; remove it first.',
    );
  });

  test.each(['', 7, undefined, null, 'a\ud800'])('is the id %j', (id) => {
    expect(add(id, [1, 0, 0, 0, 0])).toMatch(/^invalid-input: The id is .*; needed: a well-formed string/);
  });

  test('leaves the index as it was', () => {
    expect(index.size).toBe(1);
    expect(index.get('tern')![0]).toBeCloseTo(1 / Math.sqrt(55), 6);
  });
});

test('an id that is not there cannot be removed', () => {
  expect(refused(() => indexOf([]).remove('tern'))).toBe('unknown-id: There is no "tern" in the index.');
});

test.each([0, -1, 1.5, Number.NaN, 65537, '256', undefined])(
  'an index of %s dimensions is refused',
  (dimensions) => {
    expect(refused(() => new VectorIndex({ dimensions: dimensions as number }))).toBe(
      `invalid-dimensions: dimensions is ${dimensions}; needed: a whole number from 1 to 65536.`,
    );
  },
);

test.each([{ k: 0 }, { k: 1.5 }, { k: Number.NaN }, { minScore: Number.NaN }])(
  'a search with %j is refused',
  (options) => {
    expect(refused(() => indexOf([]).search([1, 0, 0, 0, 0], options))).toMatch(/^invalid-input: /);
  },
);

describe('as bytes', () => {
  test('an index comes back as it was', () => {
    fc.assert(
      fc.property(
        entries,
        vector,
        fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
        (all, query, space) => {
          const index = new VectorIndex({ dimensions: DIMENSIONS, space });
          for (const [id, values] of all) index.add(id, values);
          const copy = VectorIndex.from(index.toBytes());
          expect(copy.space).toBe(space);
          expect(copy.size).toBe(all.length);
          expect(copy.search(query, { k: 100 })).toEqual(index.search(query, { k: 100 }));
          expect(copy.toBytes()).toEqual(index.toBytes());
        },
      ),
    );
  });

  test('an index may lie anywhere in a buffer, and is a copy', () => {
    const bytes = indexOf([['x', [1, 0, 0, 0, 0]]]).toBytes();
    const around = new Uint8Array(bytes.length + 3);
    around.set(bytes, 3);
    const index = VectorIndex.from(around.subarray(3));
    around.fill(0);
    expect([...index.get('x')!]).toEqual([1, 0, 0, 0, 0]);
    expect(VectorIndex.from(bytes.buffer).size).toBe(1);
  });

  test('an index goes on growing', () => {
    const copy = VectorIndex.from(indexOf([['x', [1, 0, 0, 0, 0]]]).toBytes());
    for (let i = 0; i < 100; i++) copy.add(`${i}`, [1, i, 0, 0, 0]);
    copy.remove('x');
    expect(copy.size).toBe(100);
  });

  test('an index that is damaged anywhere is refused', () => {
    const bytes = indexOf([
      ['x', [1, 2, 0, 0, 0]],
      ['y', [0, 1, 0, 3, 0]],
    ]).toBytes();
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 0x80]) {
        const damaged = bytes.slice();
        damaged[at] ^= bit;
        expect(
          refused(() => VectorIndex.from(damaged)),
          `byte ${at}`,
        ).toMatch(/^corrupt-file: /);
      }
      expect(refused(() => VectorIndex.from(bytes.subarray(0, at)))).toMatch(/^corrupt-file: /);
    }
  });

  test('anything else is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(refused(() => VectorIndex.from(bytes))).toMatch(
          /^corrupt-file: The bytes are no usable vector index/,
        );
      }),
    );
  });

  test('an index of a later format says what to do', () => {
    const bytes = indexOf([]).toBytes();
    bytes[4] = 3;
    expect(refused(() => VectorIndex.from(bytes))).toContain(
      'version 3 of the format and this library reads 2; update the library',
    );
  });
});

/** With it, few vectors are quantised as well as many. */
const mean = Float32Array.from({ length: DIMENSIONS }, (_, i) => 0.1 * Math.sin(i));
const KINDS: Omit<VectorIndexOptions, 'dimensions'>[] = [
  { codes: 'float32' },
  { codes: 'int8', mean },
  { codes: 'int4', mean },
  { codes: 'binary', mean },
  { codes: 'int8' },
  { codes: 'int8', rerank: 'float32', mean },
  { codes: 'binary', rerank: 'int8', mean },
];

describe.each(KINDS)('an index with $codes, $rerank', (options) => {
  const make = (all: readonly (readonly [string, readonly number[]])[]) => {
    const index = new VectorIndex({ dimensions: DIMENSIONS, ...options });
    for (const [id, values] of all) index.add(id, values);
    return index;
  };

  test('finds what comparing with every vector finds, as it keeps them', () => {
    fc.assert(
      fc.property(entries, vector, fc.integer({ min: 1, max: 12 }), (all, query, k) => {
        const index = make(all);
        const length = Math.hypot(...query);
        const kept = new Map(all.map(([id]) => [id, index.get(id)!]));
        const scoreOf = (id: string) =>
          kept.get(id)!.reduce((sum, x, i) => sum + x * query[i], 0) /
          length /
          (Math.hypot(...kept.get(id)!) || 1);
        const expected = all.map(([id]) => scoreOf(id)).sort((a, b) => b - a);
        const hits = index.search(query, { k, exact: true });
        expect(hits).toHaveLength(Math.min(k, all.length));
        // Scores by bits alone are estimates, and no cosines of the numbers that bits mean.
        const isEstimate = options.codes === 'binary' && !options.rerank;
        for (const [i, { id, score }] of hits.entries()) {
          if (isEstimate) expect(score).toBeLessThanOrEqual(hits[Math.max(0, i - 1)].score);
          else {
            expect(score).toBeCloseTo(expected[i], 5);
            expect(score).toBeCloseTo(scoreOf(id), 5);
          }
        }
        index.dispose();
      }),
      { numRuns: 50 },
    );
  });

  test('finds the same in whatever order vectors came, and after it was saved', () => {
    fc.assert(
      fc.property(entries, vector, (all, query) => {
        const index = make(all);
        const other = make([...all].reverse());
        expect(other.search(query)).toEqual(index.search(query));
        const bytes = index.toBytes();
        const hits = index.search(query);
        const copy = VectorIndex.from(bytes);
        expect(copy.search(query)).toEqual(hits);
        expect(copy.toBytes()).toEqual(bytes);
        expect([copy.codes, copy.rerank]).toEqual([index.codes, index.rerank]);
        if (all.length > 0) expect(copy.mean).toEqual(index.mean);
        for (const each of [index, other, copy]) each.dispose();
      }),
      { numRuns: 50 },
    );
  });

  test('holds what was added and not removed, as a map would, through any number of savings', () => {
    const step = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), vector, fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (all) => {
        let index = make([]);
        const model = new Map<string, readonly number[]>();
        for (const [id, values, choice] of all) {
          if (choice === 0) index = VectorIndex.from(index.toBytes());
          else if (model.delete(id)) index.remove(id);
          else {
            index.add(id, values);
            model.set(id, values);
          }
          expect(index.size).toBe(model.size);
          expect(new Set(index.keys())).toEqual(new Set(model.keys()));
        }
        const found = index.search([1, 2, 3, 4, 5], { k: 100 });
        expect(new Set(found.map(({ id }) => id))).toEqual(new Set(model.keys()));
      }),
      { numRuns: 50 },
    );
  });

  test('removes most of many vectors and goes on', () => {
    const index = make([]);
    const vectors = randomVectors(3000, DIMENSIONS, 1);
    const ids = Array.from({ length: 3000 }, (_, i) => `${i}`);
    index.addMany(ids, vectors);
    const last = index.get('2999')!;
    for (const id of index.keys()) if (Number(id) % 10 !== 9) index.remove(id);
    index.add('new', [1, 0, 0, 0, 0]);
    expect([...index.keys()]).toEqual([...ids.filter((id) => id.endsWith('9')), 'new']);
    expect(index.get('2999')).toEqual(last);
    expect(index.search(last, { k: 301 }).length).toBe(301);
    index.dispose();
  });

  test('is read in place from memory that it gave itself, and grows there', () => {
    const index = make([]);
    const ids = Array.from({ length: 1500 }, (_, i) => `é${i}`);
    index.addMany(ids, randomVectors(1500, DIMENSIONS, 2));
    const bytes = index.toBytes();
    const memory = VectorIndex.allocate(bytes.length);
    memory.set(bytes);
    const copy = VectorIndex.from(memory);
    for (const each of [index, copy]) each.addMany(['x', 'y'], randomVectors(2, DIMENSIONS, 3));
    for (let i = 0; i < 5000; i++) copy.add(`more ${i}`, [1, i, 0, 0, 0]);
    for (let i = 0; i < 5000; i++) copy.remove(`more ${i}`);
    for (const query of [
      [1, 2, 3, 4, 5],
      [-1, 0, 1, 0, 0],
    ])
      expect(copy.search(query)).toEqual(index.search(query));
    expect(copy.toBytes()).toEqual(index.toBytes());
  });

  test('refuses, or reads, whatever is done to its bytes', { timeout: 300_000 }, () => {
    const index = make(['tern', 'puffin', 'x'.repeat(300)].map((id, i) => [id, [1, i, 2, -i, 3]]));
    const bytes = index.toBytes();
    const random = randomNumbers(7);
    const below = (end: number) => Math.floor(random() * end);
    let read = 0;
    for (let turn = 0; turn < MUTATIONS; turn++) {
      let mutant = bytes.slice();
      for (let changes = 1 + below(3); changes > 0; changes--) {
        const at = random() < 0.6 ? below(128) : below(mutant.length);
        mutant[at] = random() < 0.5 ? mutant[at] ^ (1 << below(8)) : below(256);
      }
      if (random() < 0.1) mutant = mutant.subarray(0, below(mutant.length)).slice();
      if (random() < 0.8) seal(mutant);
      const words = refused(() => {
        const copy = VectorIndex.from(mutant);
        for (const { score } of copy.search(new Float32Array(copy.dimensions).fill(1), { k: 5 }))
          expect(Number.isFinite(score)).toBe(true);
        for (const id of copy.keys()) expect(copy.get(id)).toHaveLength(copy.dimensions);
        copy.dispose();
        read++;
      });
      if (words !== 'not refused')
        expect(words).toMatch(/^corrupt-file: The bytes are no usable vector index: /);
    }
    expect(read).toBeGreaterThan(0);
    index.dispose();
  });
});

/** 100,000 in all. */
const MUTATIONS = Math.ceil(100_000 / KINDS.length);

/** Makes the checksums of changed bytes right again, so that it is not they alone that find the changes. */
function seal(bytes: Uint8Array): void {
  if (bytes.length < 128) return;
  const header = new DataView(bytes.buffer);
  let at = 128;
  for (let section = 48; section < 120; section += 12) {
    const size = header.getUint32(section, true);
    if (size === 0) continue;
    const start = 64 * Math.ceil(at / 64);
    at = start + size;
    if (at > bytes.length) break;
    header.setUint32(section + 8, crc32(bytes.subarray(start, at)), true);
  }
  header.setUint32(124, crc32(bytes.subarray(0, 124)), true);
}

describe('many at once', () => {
  test('are added all or not at all', () => {
    const index = indexOf([['there', [1, 0, 0, 0, 0]]]);
    const vectors = randomVectors(600, DIMENSIONS, 1);
    const ids = Array.from({ length: 600 }, (_, i) => `${i}`);
    expect(refused(() => index.addMany([...ids.slice(0, 599), 'there'], vectors))).toMatch(/^duplicate-id/);
    expect(refused(() => index.addMany([...ids.slice(0, 599), '0'], vectors))).toMatch(/^duplicate-id/);
    const rows = ids.map((_, i) => (i === 400 ? [0, 0, 0, 0, 0] : [1, i, 0, 0, 0]));
    expect(refused(() => index.addMany(ids, rows))).toMatch(/^invalid-vector/);
    expect(refused(() => index.addMany(ids, vectors.subarray(5)))).toMatch(
      /^invalid-input: There are 599 vectors for 600 ids/,
    );
    expect([...index.keys()]).toEqual(['there']);
    index.addMany(ids, vectors);
    expect(index.size).toBe(601);
    expect(index.get('599')![0]).toBeCloseTo(vectors[599 * DIMENSIONS], 6);
  });

  test('are searched for as each alone', () => {
    const index = new VectorIndex({ dimensions: 70, codes: 'int8' });
    index.addMany(
      Array.from({ length: 2000 }, (_, i) => `${i}`),
      randomVectors(2000, 70, 1),
    );
    const queries = Array.from({ length: 40 }, (_, i) => randomVectors(1, 70, 100 + i));
    const filter = (id: string) => id.length < 3;
    for (const options of [{ k: 3 }, { k: 20, filter }, { minScore: 0.2 }])
      expect(index.searchMany(queries, options)).toEqual(
        queries.map((query) => index.search(query, options)),
      );
    expect(index.searchMany([])).toEqual([]);
  });
});

test('codes are relative to the mean of the first thousand vectors, which are exact until then', () => {
  const index = new VectorIndex({ dimensions: 64, codes: 'int8' });
  const vectors = randomVectors(1000, 64, 1);
  const ids = Array.from({ length: 1000 }, (_, i) => `${i}`);
  index.addMany(ids.slice(0, 999), vectors.subarray(0, 999 * 64));
  expect(index.mean).toBeUndefined();
  expect(index.get('7')).toEqual(vectors.slice(7 * 64, 8 * 64).map((x) => x));
  index.add('999', vectors.subarray(999 * 64));
  expect(index.mean).toHaveLength(64);
  expect(index.get('7')).not.toEqual(vectors.slice(7 * 64, 8 * 64));
  for (const [i, x] of index.get('7')!.entries()) expect(x).toBeCloseTo(vectors[7 * 64 + i], 2);
});

test('bytes in a Buffer of Node, within others, are read as they are in an array', () => {
  const index = new VectorIndex({ dimensions: DIMENSIONS, codes: 'int8', mean });
  for (let i = 0; i < 20; i++) index.add(i % 2 === 0 ? `${i}` : `${i}`.repeat(200), [1, i, 0, -i, 2]);
  const bytes = index.toBytes();
  const buffer = Buffer.concat([Buffer.alloc(24, 7), bytes, Buffer.alloc(9, 7)]);
  const copy = VectorIndex.from(buffer.subarray(24, 24 + bytes.length));
  expect(copy.search([1, 2, 0, 0, 0])).toEqual(index.search([1, 2, 0, 0, 0]));
  expect(copy.mean).toEqual(mean);
  expect(copy.toBytes()).toEqual(bytes);
});

test('an index that is refused memory for codes keeps its vectors as they are', () => {
  const vectors = randomVectors(50, 64, 1);
  const index = new VectorIndex({ dimensions: 64, codes: 'int8', rerank: 'binary' });
  index.addMany(
    Array.from({ length: 50 }, (_, i) => `${i}`),
    vectors,
  );
  const before = index.search(vectors.subarray(0, 64));
  const { allocate } = Heap.prototype;
  for (const allowed of [0, 1]) {
    let left = allowed;
    const spy = vi.spyOn(Heap.prototype, 'allocate').mockImplementation(function (this: Heap, bytes) {
      if (left-- <= 0) throw new SternaError('limits', 'There is no more memory.');
      return allocate.call(this, bytes);
    });
    expect(refused(() => index.toBytes())).toMatch(/^limits/);
    spy.mockRestore();
    expect(index.search(vectors.subarray(0, 64))).toEqual(before);
    expect(index.get('7')).toEqual(vectors.slice(7 * 64, 8 * 64));
  }
  expect(VectorIndex.from(index.toBytes()).size).toBe(50);
});

test('vectors that are refused leave those that waited for their mean as they were', () => {
  const vectors = randomVectors(1505, 64, 1);
  const ids = Array.from({ length: 1505 }, (_, i) => `${i}`);
  const index = new VectorIndex({ dimensions: 64, codes: 'int8' });
  index.addMany(ids.slice(0, 5), vectors.subarray(0, 5 * 64));
  const more = [...ids.slice(5, 1504), '0'];
  expect(refused(() => index.addMany(more, vectors.subarray(5 * 64)))).toMatch(/^duplicate-id/);
  expect(index.mean).toBeUndefined();
  expect(index.size).toBe(5);
  expect(index.get('3')).toEqual(vectors.slice(3 * 64, 4 * 64));
  index.addMany(ids.slice(5), vectors.subarray(5 * 64));
  expect(index.search(vectors.subarray(700 * 64, 701 * 64))[0].id).toBe('700');
});

test('a mean is copied, and may be plain numbers', () => {
  const own = [...mean];
  const index = new VectorIndex({
    dimensions: DIMENSIONS,
    codes: 'int8',
    mean: own as unknown as Float32Array,
  });
  index.add('tern', [1, 2, 3, 4, 5]);
  const hits = index.search([1, 2, 3, 4, 5]);
  own.fill(0.3);
  index.mean!.fill(0.3);
  expect(index.search([1, 2, 3, 4, 5])).toEqual(hits);
  expect(VectorIndex.from(index.toBytes()).search([1, 2, 3, 4, 5])).toEqual(hits);
});

test('a filter that lets few vectors through finds them all the same', () => {
  const index = new VectorIndex({ dimensions: 16, codes: 'int8' });
  index.addMany(
    Array.from({ length: 5000 }, (_, i) => `${i}`),
    randomVectors(5000, 16, 1),
  );
  const query = randomVectors(1, 16, 2);
  const all = index.search(query, { k: 5000 });
  for (const ending of ['777', '77', '4999']) {
    const filter = (id: string) => id.endsWith(ending);
    expect(index.search(query, { filter, k: 4 })).toEqual(all.filter(({ id }) => filter(id)).slice(0, 4));
  }
});

test.each([
  [{ codes: 'float16' }, 'codes is "float16"; needed: "float32", "int8", "int4", "binary".'],
  [{ rerank: 8 }, 'rerank is 8; needed: "float32", "int8", "int4", "binary".'],
  [
    { mean: new Float32Array(2) },
    'The mean is of no vectors of 3 dimensions and unit length; needed: one of an index of such vectors.',
  ],
  [
    { mean: Float32Array.of(0, 2, 0) },
    'The mean is of no vectors of 3 dimensions and unit length; needed: one of an index of such vectors.',
  ],
])('an index with %j is refused', (options, words) => {
  expect(refused(() => new VectorIndex({ dimensions: 3, ...(options as object) }))).toBe(
    `invalid-input: ${words}`,
  );
});

test('bytes of version 1 are read', () => {
  const tail = new TextEncoder().encode(JSON.stringify({ space: 'birds/2', ids: ['tern', 'puffin'] }));
  const bytes = new Uint8Array(24 + 16 + tail.length);
  const header = new DataView(bytes.buffer);
  for (const [i, word] of [0x4e525453, 1, 2, 2, tail.length].entries()) header.setUint32(4 * i, word, true);
  for (const [i, x] of [0.6, 0.8, 1, 0].entries()) header.setFloat32(24 + 4 * i, x, true);
  bytes.set(tail, 40);
  header.setUint32(20, crc32(bytes.subarray(0, 20)) ^ Math.imul(crc32(bytes.subarray(24)), 0x9e3779b1), true);
  const index = VectorIndex.from(bytes);
  expect(index.space).toBe('birds/2');
  expect(index.search([1, 0])).toEqual([
    { id: 'puffin', score: 1 },
    { id: 'tern', score: Math.fround(0.6) },
  ]);
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] ^= 1;
    expect(refused(() => VectorIndex.from(damaged))).toMatch(/^corrupt-file: /);
  }
});
