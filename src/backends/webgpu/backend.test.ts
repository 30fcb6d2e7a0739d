import { describe, expect, test } from 'vitest';
import type { EncoderShape } from '../../encoder/backend.ts';
import { nodeGpu } from '../../node/gpu.ts';
import { pack } from '../../text/pack.ts';
import type { Precision } from '../../types.ts';
import { shapes, testAgainstReference } from '../testing/backend-suite.ts';
import { WebGpuBackend } from './backend.ts';
import { openDevice } from './device.ts';
import { nameOf, ROW_CLASSES, TILES, type Tile } from './tiles.ts';
import type { Choices } from './tuning.ts';

const gpu = await nodeGpu().catch(() => undefined);
const hasHalves = (await gpu?.requestAdapter())?.features.has('shader-f16') === true;

/** Number types besides float32. */
const precisions: Precision[] = hasHalves ? ['f16', 'q8', 'q4'] : ['q8', 'q4'];

const always = (tile: Tile, tiledAttention = tile.kernel === 'workgroup'): Choices => ({
  tiles: ROW_CLASSES.map(() => tile),
  tiledAttention,
});

describe.skipIf(!gpu)(
  'the WebGPU backend agrees with the reference (skipped where Node finds no adapter)',
  () => {
    testAgainstReference(async () => new WebGpuBackend(await openDevice(gpu)));

    describe.each(TILES.map((tile) => [nameOf(tile), tile] as const))('by tiles of %s', (_, tile) => {
      testAgainstReference(async () => new WebGpuBackend(await openDevice(gpu), { choices: always(tile) }));
    });

    describe.each(precisions)('with weights in %s', (precision) => {
      testAgainstReference(
        async () => new WebGpuBackend(await openDevice(gpu), { precision, choices: always(TILES[2]) }),
        precision,
      );
    });

    test('every tile gives the same bits', async () => {
      const [, shape] = shapes[1];
      for (const precision of ['f32', ...precisions] as const) {
        const found: Float32Array[] = [];
        for (const tile of precision === 'f32' ? TILES : [TILES[1], TILES[4]]) {
          const backend = new WebGpuBackend(await openDevice(gpu), { precision, choices: always(tile) });
          await backend.prepare(shape);
          backend.begin(pack([new Uint32Array(75)]));
          const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
          const weight = backend.weight(numbers(260 * 128), 260, 128, 'weight');
          const up = backend.weight(numbers(520 * 128), 520, 128, 'up');
          const [x, y, gated] = [128, 260, 260].map((columns, i) => backend.activation(75, columns, `${i}`));
          backend.write(x, numbers(75 * 128));
          backend.linear(x, { weight }, y, 'gelu');
          backend.gatedLinear(x, { weight: up }, gated);
          found.push(await backend.read(y), await backend.read(gated));
          backend.dispose();
        }
        for (const [i, one] of found.entries()) expect(one).toEqual(found[i % 2]);
      }
    });

    test('a text is asked by tiles or one by one for its length alone, so its company changes no bit', async () => {
      const backend = new WebGpuBackend(await openDevice(gpu), { choices: always(TILES[2], true) });
      const [, shape] = shapes[0];
      await backend.prepare(shape);
      const attend = async (lengths: readonly number[]) => {
        backend.begin(pack(lengths.map((length) => new Uint32Array(length))));
        const tokens = lengths.reduce((sum, length) => sum + length);
        const qkv = backend.activation(tokens, 288, 'qkv');
        const out = backend.activation(tokens, 96, 'out');
        // The last text is the same one each time.
        const of = (row: number) => tokens - 1 - row;
        backend.write(
          qkv,
          Float32Array.from({ length: tokens * 288 }, (_, i) =>
            Math.sin(of(Math.floor(i / 288)) * 7 + (i % 288)),
          ),
        );
        backend.attention(qkv, out, 'all');
        const rows = await backend.read(out);
        backend.end();
        return rows.subarray(rows.length - lengths.at(-1)! * 96);
      };
      for (const length of [5, 63, 64, 65, 150]) {
        const alone = await attend([length]);
        expect(alone.every(Number.isFinite)).toBe(true);
        expect(await attend([70, 3, length])).toEqual(alone);
      }
      backend.dispose();
    });

    test.skipIf(!gpu || hasHalves)('float16 is refused by an adapter without it', async () => {
      const opened = await openDevice(gpu);
      expect(() => new WebGpuBackend(opened, { precision: 'f16' })).toThrow(/computes without float16/);
    });

    test('a batch larger than a binding of the device is refused with both sizes', async () => {
      const backend = new WebGpuBackend(await openDevice(gpu));
      backend.begin(pack([new Uint32Array(3)]));
      expect(() => backend.activation(2 ** 20, 64, 'huge')).toThrow(/268435456 bytes .* 134217728/);
      backend.dispose();
    });

    test('a lost device rejects what is under way and all that follows', async () => {
      const opened = await openDevice(gpu);
      const backend = new WebGpuBackend(opened);
      await backend.prepare(shapes[0][1]);
      const batch = pack([new Uint32Array(3)]);
      backend.begin(batch);
      const tensor = backend.activation(3, 96, 'x');
      const reading = backend.read(tensor);
      opened.device.destroy();
      await expect(reading).rejects.toMatchObject({ code: 'device-lost' });
      expect(() => backend.begin(batch)).toThrow(/went away/);
    });
  },
);

test('without WebGPU the error says what to do', async () => {
  await expect(openDevice(undefined)).rejects.toMatchObject({
    code: 'no-webgpu',
    message: expect.stringContaining('device "reference"'),
  });
});

test.skipIf(!gpu)(
  'tiles are measured where nothing is known, and remembered (skipped without an adapter)',
  async () => {
    const opened = { ...(await openDevice(gpu)), software: false };
    const backend = new WebGpuBackend(opened);
    const shape: EncoderShape = {
      hiddenSize: 64,
      intermediateSize: 128,
      heads: 1,
      headSize: 64,
      gated: false,
    };
    const told: [number, number][] = [];
    await backend.prepare(shape, (...step) => told.push(step));
    expect(backend.notes[0]).toMatch(
      /^Tiles measured on this device, by rows: up to 8 (registers|workgroup) \d+×\d+, /,
    );
    expect(told.every(([done], i) => i === 0 || done >= told[i - 1][0])).toBe(true);
    expect(told.at(-1)![0]).toBe(told.at(-1)![1]);
    const again = new WebGpuBackend({ ...(await openDevice(gpu)), software: false });
    await again.prepare(shape);
    expect(again.notes).toEqual(backend.notes);
    backend.dispose();
    again.dispose();
  },
);
