import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nodeGpu } from './gpu.ts';
import { Embedder } from './index.ts';

interface Cases {
  readonly cases: readonly { readonly ids: readonly number[]; readonly cls: readonly number[] }[];
}

const folder = new URL('../../../shared/fixtures/', import.meta.url);
const gpu = await nodeGpu().catch(() => undefined);

/** 1 − cosine of a vector to the first dimensions of the reference's float64 vector. */
function distance(values: Float32Array, cls: readonly number[]): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, value] of values.entries()) {
    ab += value * cls[i];
    aa += value * value;
    bb += cls[i] * cls[i];
  }
  return 1 - ab / Math.sqrt(aa * bb);
}

describe.skipIf(!existsSync(folder))('the fixtures (skipped where ../shared/fixtures is absent)', () => {
  describe.each(['xlmr-tiny', 'gte-tiny'])('%s, to 2,048 tokens', (name) => {
    test.each(gpu ? (['reference', 'wasm', 'webgpu'] as const) : (['reference', 'wasm'] as const))(
      'has the float64 vectors on %s, whole and cut, to 1 − cosine ≤ 1e-9',
      async (device) => {
        const { cases }: Cases = JSON.parse(readFileSync(new URL(`${name}/cases.json`, folder), 'utf8'));
        await using embedder = await Embedder.create({ model: fileURLToPath(new URL(name, folder)), device });
        const { dimensions: full, trainedDimensions } = embedder.report;
        for (const dimensions of trainedDimensions) {
          // Cutting is the same for every length; the long texts are slow here, so they are run once.
          const some = cases.filter(({ ids }) => dimensions === full || ids.length <= 200);
          const inputs = some.map(({ ids }) => ids);
          const { embeddings } = await embedder.embed(inputs, { dimensions });
          for (const [i, { values, tokenCount }] of embeddings.entries()) {
            expect(tokenCount).toBe(inputs[i].length);
            expect(distance(values, some[i].cls), `${tokenCount} tokens`).toBeLessThan(1e-9);
          }
        }
      },
      120_000,
    );
  });
});
