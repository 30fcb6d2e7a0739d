import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SternaError } from '../errors.ts';
import { VectorIndex } from './vector-index.ts';

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
    bytes[4] = 2;
    expect(refused(() => VectorIndex.from(bytes))).toContain(
      'version 2 of the format and this library reads 1; update the library',
    );
  });
});
