import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { startThread } from '../../node/threads.ts';
import { randomNumbers, randomVectors } from '../testing/vectors.ts';
import { CODE_KINDS, type CodeKind } from '../vectors/code-layout.ts';
import { meanOf } from '../vectors/mean.ts';
import { Rotation } from '../vectors/rotation.ts';
import { VectorColumn } from '../vectors/vector-column.ts';
import { Scanner, type ScanPart, type ScanResult } from './scanner.ts';

/** One of each way in which rows are compared. */
const SCANNERS = {
  'relaxed SIMD': Scanner.alone(),
  'relaxed SIMD of seven bits': Scanner.alone({ eightBits: false }),
  'plain SIMD': Scanner.alone({ relaxed: false }),
  TypeScript: Scanner.alone({ wasm: false }),
};
const each = Object.entries(SCANNERS);
const threads = await Scanner.create({ threads: 3, startThread });
afterAll(() => threads.dispose());

interface Column {
  readonly kind: CodeKind;
  readonly dimensions: number;
  readonly mean: Float32Array;
  readonly vectors: Float32Array;
  readonly mask?: Uint32Array;
}

function partOf(scanner: Scanner, { vectors, mask, ...spec }: Column): ScanPart {
  const column = new VectorColumn(scanner.heap, spec);
  column.append(vectors);
  return { column, mask };
}

/** A mean that is not that of the vectors. */
function slanted(dimensions: number, by = 1): Float32Array {
  return Float32Array.from({ length: dimensions }, (_, i) => 0.05 * Math.sin(by * i));
}

/** What a scan must find, by the numbers that codes mean and a loop. Columns have one kind and one mean. */
function naive(
  parts: readonly ScanPart[],
  columns: readonly Column[],
  vector: Float32Array,
  candidates: number,
  dimensionsRead: number,
): { column: number; row: number; score: number }[] {
  const found = columns.flatMap((spec, column) => {
    const score = naiveScore(spec, parts[column].column, vector, dimensionsRead);
    return Array.from({ length: spec.vectors.length / spec.dimensions }, (_, row) => {
      return { column, row, score: score(row) };
    }).filter(({ row }) => !spec.mask || (spec.mask[row >> 5] >>> (row & 31)) & 1);
  });
  found.sort((a, b) => b.score - a.score || a.column - b.column || a.row - b.row);
  return found.slice(0, candidates);
}

/** The numbers that a factor's byte can mean. */
const FACTORS = Array.from({ length: 256 }, (_, byte) => 2 ** ((byte >> 5) - 6) * (1 + (byte & 31) / 32));
const nearestFactor = (x: number) => FACTORS.reduce((a, b) => (Math.abs(b - x) < Math.abs(a - x) ? b : a));

function naiveScore(
  { kind, dimensions, mean, vectors }: Column,
  column: VectorColumn,
  vector: Float32Array,
  dimensionsRead: number,
): (row: number) => number {
  const rotation = new Rotation(dimensions);
  const turnedRest = (row: ArrayLike<number>) => rotation.apply(Array.from(mean, (m, i) => row[i] - m));
  const read = Math.min(dimensions, dimensionsRead);
  const product = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);
  if (kind === 'float32') return (row) => product(column.row(row), vector);
  const values = kind === 'binary' ? turnedRest(vector) : rotation.apply(vector);
  const largest = Math.max(...values.map(Math.abs));
  const most = kind === 'binary' ? 7 : 127;
  const step = largest > 0 ? largest / most : 1;
  const whole = Array.from(values, (x, i) => (i < read ? Math.round(x / step) : 0));
  if (kind === 'binary') {
    const root = Math.sqrt(Math.min(dimensions, 256));
    const scale = step / root;
    return (row) => {
      const rest = [...turnedRest(vectors.subarray(row * dimensions, (row + 1) * dimensions))];
      const squares = product(rest, rest);
      const sizes = rest.reduce((sum, r) => sum + Math.abs(r), 0);
      const signs = rest.map((r) => (r > 0 ? 1 : -1));
      const f = nearestFactor((root * squares) / sizes);
      const estimate = scale * product(whole, signs) * f - nearestFactor(squares / 2);
      return product(vector, mean) + (1 - product(mean, mean)) / 2 + estimate;
    };
  }
  return (row) => {
    return product(vector, mean) + step * product(whole, turnedRest(column.row(row)));
  };
}

function pairs({ columns, rows }: ScanResult): [number, number][] {
  return Array.from(rows, (row, i) => [columns[i], row]);
}

/** A mask with long gaps as well as single rows. */
function randomMask(rows: number, seed: number): Uint32Array {
  const random = randomNumbers(seed);
  return Uint32Array.from({ length: Math.ceil(rows / 32) }, () => {
    const choice = random();
    return choice < 0.4 ? 0 : choice < 0.5 ? 0xffffffff : random() * random() * 2 ** 32;
  });
}

const planeDimensions = {
  float32: Number.POSITIVE_INFINITY,
  int8: 64,
  int4: 128,
  binary: Number.POSITIVE_INFINITY,
};

describe.each(each)('%s', (_, scanner) => {
  test.each(CODE_KINDS)('finds in %s codes what a loop over the numbers finds', (kind) => {
    const cases = fc.record({
      dimensions: fc.integer({ min: 1, max: 300 }),
      sizes: fc.array(fc.integer({ min: 0, max: 70 }), { minLength: 1, maxLength: 3 }),
      candidates: fc.integer({ min: 1, max: 80 }),
      seed: fc.nat(),
      isMasked: fc.boolean(),
      planes: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(cases, ({ dimensions, sizes, candidates, seed, isMasked, planes }) => {
        const columns = sizes.map((rows, i) => ({
          kind,
          dimensions,
          mean: slanted(dimensions),
          vectors: randomVectors(rows, dimensions, seed + i),
          mask: isMasked ? randomMask(rows, seed + i) : undefined,
        }));
        const [vector] = [randomVectors(1, dimensions, seed + 7)];
        const parts = columns.map((column) => partOf(scanner, column));
        const found = scanner.scan(parts, { vector, candidates, planes });
        const expected = naive(parts, columns, vector, candidates, planes * planeDimensions[kind]);
        expect(found.scores.length).toBe(expected.length);
        for (const [i, { score }] of expected.entries()) expect(found.scores[i]).toBeCloseTo(score, 5);
        // Sums are rounded: rows may change places where scores are as good as equal, and only there.
        const all = naive(parts, columns, vector, Number.POSITIVE_INFINITY, planes * planeDimensions[kind]);
        const scoreOf = new Map(all.map(({ column, row, score }) => [`${column} ${row}`, score]));
        expect(new Set(pairs(found).map(String)).size).toBe(expected.length);
        for (const [i, [column, row]] of pairs(found).entries())
          expect(found.scores[i]).toBeCloseTo(scoreOf.get(`${column} ${row}`)!, 5);
        expect(found.isCut).toBe(
          expected.length === candidates && candidates < sizes.reduce((a, b) => a + b),
        );
        for (const { column } of parts) column.dispose();
      }),
      { numRuns: 40 },
    );
  });

  test.each(CODE_KINDS)('finds the earliest of equal rows in %s codes, over blocks and columns', (kind) => {
    const dimensions = 70;
    const one = randomVectors(1, dimensions, 1);
    const vectors = new Float32Array(2100 * dimensions);
    for (let row = 0; row < 2100; row++) vectors.set(one, row * dimensions);
    const spec = { kind, dimensions, mean: slanted(dimensions), vectors };
    const parts = [partOf(scanner, spec), partOf(scanner, spec)];
    const found = scanner.scan(parts, { vector: one, candidates: 2103 });
    expect(pairs(found)).toEqual([...Array(2103).keys()].map((i) => (i < 2100 ? [0, i] : [1, i - 2100])));
    expect(found.isCut).toBe(true);
    for (const { column } of parts) column.dispose();
  });
});

describe('whatever the scanner', () => {
  test.each(CODE_KINDS)('the same rows and bits come out for %s codes', (kind) => {
    for (const [dimensions, rows, seed] of [
      [256, 5000, 1],
      [31, 3000, 2],
      [300, 1025, 3],
    ]) {
      const spec = {
        kind,
        dimensions,
        mean: slanted(dimensions),
        vectors: randomVectors(rows, dimensions, seed),
      };
      const masked = { ...spec, mask: randomMask(rows, seed) };
      const queries = [9, 10, 11].map((other) => randomVectors(1, dimensions, other));
      const outcomes = [...each.map(([, scanner]) => scanner), threads].map((scanner) => {
        const parts = [partOf(scanner, spec), partOf(scanner, masked)];
        const many = scanner.scanMany(parts, queries, { candidates: 100, planes: 2 });
        const one = scanner.scan(parts, { vector: queries[1], candidates: 100, planes: 2 });
        expect(many[1]).toEqual(one);
        const rescored = scanner.rescore(
          parts[0].column,
          one.rows.filter((_, i) => one.columns[i] === 0),
          queries[1],
        );
        for (const { column } of parts) column.dispose();
        return { many, rescored };
      });
      for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
    }
  });

  test('threads take part', () => {
    expect(threads.threads).toBe(3);
  });

  test('columns of other means and kinds are put in order by their scores', () => {
    const scanner = SCANNERS['relaxed SIMD'];
    const vectors = randomVectors(200, 64, 4);
    const columns = [1, 2].map((by) => ({
      kind: 'int8' as const,
      dimensions: 64,
      mean: slanted(64, by),
      vectors,
    }));
    const all = [...columns, { ...columns[0], kind: 'float32' as const }];
    const parts = all.map((column) => partOf(scanner, column));
    const { scores, columns: numbers } = scanner.scan(parts, {
      vector: vectors.subarray(0, 64),
      candidates: 50,
    });
    expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(numbers)).toEqual(new Set([0, 1, 2]));
  });
});

test('rescoring gives the cosine of the query in floats and the numbers that codes mean', () => {
  for (const kind of CODE_KINDS) {
    for (const dimensions of [1, 5, 64, 127, 129, 256, 300]) {
      const scanner = SCANNERS['relaxed SIMD'];
      const vectors = randomVectors(40, dimensions, dimensions);
      const mean = slanted(dimensions);
      const { column } = partOf(scanner, { kind, dimensions, mean, vectors });
      const query = randomVectors(1, dimensions, 5);
      const rows = [39, 0, 17];
      const scores = scanner.rescore(column, rows, query);
      for (const [i, row] of rows.entries()) {
        const numbers = column.row(row);
        const dot = query.reduce((sum, x, at) => sum + x * numbers[at], 0);
        if (kind !== 'binary') expect(scores[i]).toBeCloseTo(dot / Math.hypot(...numbers), 5);
      }
      column.dispose();
    }
  }
});

test('rescoring bits estimates the cosine without bias', () => {
  const dimensions = 256;
  const scanner = SCANNERS['relaxed SIMD'];
  const vectors = randomVectors(2000, dimensions, 1);
  const mean = meanOf(vectors, dimensions);
  const { column } = partOf(scanner, {
    kind: 'binary',
    dimensions,
    mean,
    vectors,
  });
  const query = randomVectors(1, dimensions, 5);
  const scores = scanner.rescore(column, [...Array(2000).keys()], query);
  const errors = Array.from(scores, (score, row) => {
    const own = vectors.subarray(row * dimensions, (row + 1) * dimensions);
    return score - own.reduce((sum, x, i) => sum + x * query[i], 0);
  });
  const bias = errors.reduce((sum, x) => sum + x, 0) / errors.length;
  const deviation = Math.sqrt(errors.reduce((sum, x) => sum + (x - bias) ** 2, 0) / errors.length);
  // Signs of 256 dimensions leave about √(π/2 − 1) / 16 of the product.
  expect(deviation).toBeLessThan(0.065);
  expect(Math.abs(bias)).toBeLessThan(0.005);
  column.dispose();
});

test('memory that was given back is given out again', () => {
  const { heap } = Scanner.alone();
  const random = randomNumbers(1);
  const held = new Map<number, number>();
  let size = 0;
  for (let turn = 0; turn < 5000; turn++) {
    if (held.size > 0 && random() < 0.5) {
      const address = [...held.keys()][Math.floor(random() * held.size)];
      heap.release(address);
      held.delete(address);
    } else if (held.size < 40) {
      const bytes = Math.ceil(random() * 3000);
      held.set(heap.allocate(bytes), bytes);
    }
    const pieces = [...held].sort(([a], [b]) => a - b);
    for (const [i, [address, bytes]] of pieces.entries())
      expect(address + bytes).toBeLessThanOrEqual(pieces[i + 1]?.[0] ?? heap.bytes.length);
    size = heap.bytes.length;
  }
  for (const address of held.keys()) heap.release(address);
  expect(heap.used).toBe(0);
  heap.release(heap.allocate(size - 64));
  expect(heap.bytes.length).toBe(size);
});
