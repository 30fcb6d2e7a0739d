import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, EncoderShape, Tensor } from '../../encoder/backend.ts';
import { rotationTable } from '../../encoder/rope.ts';
import { pack } from '../../text/pack.ts';
import type { Precision } from '../../types.ts';
import { ReferenceBackend } from '../reference/backend.ts';

/** Seeded numbers in −1 … 1 (mulberry32). */
function random(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

/** As `random`, with one feature far from the others, as trained encoders have it. */
function withOutlier(rows: number, columns: number, seed: number): Float32Array {
  const data = random(rows * columns, seed);
  for (let row = 0; row < rows; row++) data[row * columns + 5] = 30 + data[row * columns + 5];
  return data;
}

/** Largest difference, relative to the largest expected number. */
function error(found: Float32Array, expected: Float32Array): number {
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(found[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return Number.isFinite(worst) ? worst / largest : Number.POSITIVE_INFINITY;
}

/** Texts of ragged lengths, one of a single token among them. */
const lengths = [3, 1, 70, 9];
const tokens = lengths.reduce((sum, length) => sum + length);

export const shapes: [string, EncoderShape][] = [
  ['heads of 32', { hiddenSize: 96, intermediateSize: 100, heads: 3, headSize: 32, gated: false }],
  ['heads of 64', { hiddenSize: 128, intermediateSize: 260, heads: 2, headSize: 64, gated: true }],
];

/**
 * Tests of every operation of a backend against the reference, with odd sizes and an outlying feature.
 *
 * @param precision - of the backend's weights; the reference's are rounded to the same numbers.
 */
export function testAgainstReference(make: () => Promise<Backend>, precision: Precision = 'f32'): void {
  describe.each(shapes)('with %s', (_, shape) => {
    const { hiddenSize, intermediateSize } = shape;
    const reference = new ReferenceBackend(precision);
    let tested: Backend;

    beforeAll(async () => {
      tested = await make();
      await Promise.all([tested.prepare(shape), reference.prepare(shape)]);
    });
    afterAll(() => tested.dispose());

    /** Runs an operation on both backends and returns how far apart they are. */
    async function difference(run: (backend: Backend) => Tensor): Promise<number> {
      const batch = pack(lengths.map((length) => new Uint32Array(length)));
      const results: Float32Array[] = [];
      for (const backend of [tested, reference]) {
        backend.begin(batch);
        results.push(await backend.read(run(backend)));
        backend.end();
      }
      return error(results[0], results[1]);
    }

    function input(backend: Backend, columns: number, seed: number, rows = tokens): Tensor {
      const tensor = backend.activation(rows, columns, `input ${seed}`);
      backend.write(tensor, withOutlier(rows, columns, seed));
      return tensor;
    }

    function weight(backend: Backend, rows: number, columns: number, seed: number): Tensor {
      return backend.weight(random(rows * columns, seed), rows, columns, `weight ${seed}`);
    }

    test('in a projection with a bias', async () => {
      const found = await difference((backend) => {
        const out = backend.activation(tokens, 3 * hiddenSize, 'out');
        const weights = {
          weight: weight(backend, 3 * hiddenSize, hiddenSize, 1),
          bias: weight(backend, 1, 3 * hiddenSize, 2),
        };
        backend.linear(input(backend, hiddenSize, 3), weights, out);
        return out;
      });
      expect(found).toBeLessThan(2e-6);
    });

    test('in a projection with GELU and without a bias', async () => {
      const found = await difference((backend) => {
        const out = backend.activation(tokens, intermediateSize, 'out');
        backend.linear(
          input(backend, hiddenSize, 3),
          { weight: weight(backend, intermediateSize, hiddenSize, 1) },
          out,
          'gelu',
        );
        return out;
      });
      expect(found).toBeLessThan(2e-6);
    });

    test('in the projection back from the feed-forward width', async () => {
      const found = await difference((backend) => {
        const out = backend.activation(tokens, hiddenSize, 'out');
        backend.linear(
          input(backend, intermediateSize, 3),
          {
            weight: weight(backend, hiddenSize, intermediateSize, 1),
            bias: weight(backend, 1, hiddenSize, 2),
          },
          out,
        );
        return out;
      });
      expect(found).toBeLessThan(2e-6);
    });

    test('in a gated projection', async () => {
      const found = await difference((backend) => {
        const out = backend.activation(tokens, intermediateSize, 'out');
        backend.gatedLinear(
          input(backend, hiddenSize, 3),
          { weight: weight(backend, 2 * intermediateSize, hiddenSize, 1) },
          out,
        );
        return out;
      });
      expect(found).toBeLessThan(2e-6);
    });

    test.each([
      ['alone', false],
      ['with something added', true],
    ])('in LayerNorm %s', async (_, added) => {
      const found = await difference((backend) => {
        const stream = input(backend, hiddenSize, 1);
        const weights = {
          weight: weight(backend, 1, hiddenSize, 2),
          bias: weight(backend, 1, hiddenSize, 3),
          epsilon: 1e-12,
        };
        backend.norm(stream, weights, added ? input(backend, hiddenSize, 4) : undefined);
        return stream;
      });
      expect(found).toBeLessThan(2e-6);
    });

    test('in rotary position embedding', async () => {
      const found = await difference((backend) => {
        const qkv = input(backend, 3 * hiddenSize, 1);
        backend.rotate(qkv, rotationTable({ theta: 160000 }, shape.headSize, 70));
        return qkv;
      });
      expect(found).toBeLessThan(1e-6);
    });

    test('in attention of every token', async () => {
      const found = await difference((backend) => {
        const out = backend.activation(tokens, hiddenSize, 'out');
        backend.attention(input(backend, 3 * hiddenSize, 1), out, 'all');
        return out;
      });
      expect(found).toBeLessThan(5e-6);
    });

    test('in attention of the first token of each text', async () => {
      const found = await difference((backend) => {
        const out = backend.activation(tokens, hiddenSize, 'out');
        const first = backend.activation(lengths.length, hiddenSize, 'first');
        backend.attention(input(backend, 3 * hiddenSize, 1), out, 'first');
        backend.firstRows(out, first);
        return first;
      });
      expect(found).toBeLessThan(5e-6);
    });
  });
}
