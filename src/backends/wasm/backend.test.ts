import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { startThread } from '../../node/threads.ts';
import { pack } from '../../text/pack.ts';
import { shapes, testAgainstReference } from '../testing/backend-suite.ts';
import { WasmBackend } from './backend.ts';

// Node 20 knows relaxed SIMD only when told so; without this flag, tests of it would test plain SIMD twice.
setFlagsFromString('--experimental-wasm-relaxed-simd');

/** Node 20 multiplies whole numbers by relaxed SIMD wrongly: e2e/kernels.spec.ts does these tests in a browser. */
const multipliesWholeNumbers = Number(process.versions.v8.split('.')[0]) >= 12;

const kinds = [
  { threads: 1, relaxed: false },
  { threads: 1, relaxed: true },
  { threads: 3, relaxed: false },
  { threads: 2, relaxed: true },
];

describe.each(kinds)('the WebAssembly backend agrees with the reference, with %j', ({ threads, relaxed }) => {
  testAgainstReference(() => WasmBackend.start({ threads, relaxed, startThread }));

  test('and says what it is', async () => {
    const backend = await WasmBackend.start({ threads, relaxed, startThread });
    const simd = relaxed ? 'relaxed SIMD' : 'SIMD';
    expect(backend.adapter).toBe(`${simd}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
    backend.dispose();
  });
});

describe('with weights in q8', () => {
  const [, shape] = shapes[1];
  // 100 columns: a block of 64 and one of 36; 12 rows: a panel and a half.
  const [rows, outputs, columns] = [7, 12, 100];
  const random = (length: number, seed: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin(seed + i * i));

  async function product(
    backend: WasmBackend,
    weights: Float32Array,
    x: Float32Array,
  ): Promise<Float32Array> {
    await backend.prepare(shape);
    const weight = backend.weight(weights, outputs, columns);
    const bias = backend.weight(random(outputs, 3), 1, outputs);
    backend.begin(pack([new Uint32Array(rows)]));
    const input = backend.activation(rows, columns);
    const out = backend.activation(rows, outputs);
    backend.write(input, x);
    backend.linear(input, { weight, bias }, out);
    const result = await backend.read(out);
    backend.dispose();
    return result;
  }

  test.each(kinds.filter(({ relaxed }) => !relaxed || multipliesWholeNumbers))(
    'a projection is right to the steps of its weights, with %j',
    async ({ threads, relaxed }) => {
      const weights = random(outputs * columns, 1);
      const x = random(rows * columns, 2);
      const backend = await WasmBackend.start({ threads, relaxed, startThread, precision: 'q8' });
      const found = await product(backend, weights, x);
      for (let row = 0; row < rows; row++) {
        for (let output = 0; output < outputs; output++) {
          let sum = random(outputs, 3)[output];
          let step = 0;
          for (let k = 0; k < columns; k++) {
            sum += x[row * columns + k] * weights[output * columns + k];
            // Half a step of the weight's scale, and of the feature's.
            step += (Math.abs(x[row * columns + k]) + Math.abs(weights[output * columns + k])) * (0.5 / 127);
          }
          expect(Math.abs(found[row * outputs + output] - sum)).toBeLessThan(step + 1e-3);
        }
      }
    },
  );

  test('weights and features that are whole numbers already are exact', async () => {
    // The largest sizes are the largest codes, so that every scale is 1.
    const whole = (length: number, most: number) =>
      Float32Array.from({ length }, (_, i) =>
        i % columns === 0 || i % columns === 64 ? most : (i * 37) % most,
      );
    const weights = whole(outputs * columns, 127);
    const x = whole(rows * columns, 32767);
    const backend = await WasmBackend.start({ threads: 1, precision: 'q8', relaxed: false });
    const found = await product(backend, weights, x);
    for (let row = 0; row < rows; row++) {
      for (let output = 0; output < outputs; output++) {
        let sum = random(outputs, 3)[output];
        for (let k = 0; k < columns; k++) sum += x[row * columns + k] * weights[output * columns + k];
        expect(found[row * outputs + output] / sum).toBeCloseTo(1, 6);
      }
    }
  });

  test('a weight of zeros gives the bias', async () => {
    const backend = await WasmBackend.start({ threads: 1, precision: 'q8', relaxed: false });
    const found = await product(backend, new Float32Array(outputs * columns), random(rows * columns, 2));
    for (let i = 0; i < found.length; i++) expect(found[i]).toBe(random(outputs, 3)[i % outputs]);
  });
});

test('results do not depend on the number of threads', async () => {
  const [, shape] = shapes[1];
  const found: Float32Array[] = [];
  for (const threads of [1, 2, 3]) {
    const backend = await WasmBackend.start({ threads, startThread });
    await backend.prepare(shape);
    const data = Float32Array.from({ length: 384 * 128 }, (_, i) => Math.sin(i));
    const weight = backend.weight(data, 384, 128);
    for (let turn = 0; turn < 50; turn++) {
      backend.begin(pack([new Uint32Array(100), new Uint32Array(41)]));
      const [x, qkv, out] = [128, 384, 128].map((columns) => backend.activation(141, columns));
      backend.write(
        x,
        Float32Array.from({ length: 141 * 128 }, (_, i) => Math.cos(i * i)),
      );
      backend.linear(x, { weight }, qkv, 'gelu');
      backend.attention(qkv, out, 'all');
      found.push(await backend.read(out));
      backend.end();
    }
    backend.dispose();
  }
  for (const one of found) expect(one).toEqual(found[0]);
});

test('memory is taken back after each batch', async () => {
  const backend = await WasmBackend.start({ threads: 1 });
  await backend.prepare(shapes[0][1]);
  const addresses = new Set<number>();
  for (let turn = 0; turn < 3; turn++) {
    backend.begin(pack([new Uint32Array(500)]));
    addresses.add((backend.activation(500, 96) as unknown as { address: number }).address);
    backend.end();
  }
  expect(addresses.size).toBe(1);
});

test('more memory than there is, is refused with both sizes', async () => {
  const backend = await WasmBackend.start({ threads: 1 });
  await backend.prepare(shapes[0][1]);
  backend.begin(pack([new Uint32Array(3)]));
  expect(() => backend.activation(2 ** 20, 2 ** 12)).toThrow(
    expect.objectContaining({
      code: 'limits',
      message: expect.stringMatching(/needs \d+ bytes .* gives \d+/),
    }),
  );
  backend.dispose();
});
