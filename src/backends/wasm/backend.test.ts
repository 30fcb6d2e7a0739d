import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { startThread } from '../../node/threads.ts';
import { pack } from '../../text/pack.ts';
import { shapes, testAgainstReference } from '../testing/backend-suite.ts';
import { WasmBackend } from './backend.ts';

// Node 20 knows relaxed SIMD only when told so; without this flag, tests of it would test plain SIMD twice.
setFlagsFromString('--experimental-wasm-relaxed-simd');

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
