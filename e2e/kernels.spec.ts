import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { build, type Rollup } from 'vite';
import type { WasmBackend } from '../src/backends/wasm/backend.ts';

/** The WebAssembly backend as a module of its own, to be asked directly. */
async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL('../src/backends/wasm/backend.ts', import.meta.url));
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, lib: { entry, formats: ['es'] }, minify: false },
  })) as Rollup.RollupOutput[];
  return built[0].output[0].code;
}

/** The part of the module that is used here. */
interface WasmModule {
  readonly WasmBackend: {
    start(options: {
      threads: number;
      precision: string;
      relaxed: boolean;
      eightBits: boolean;
    }): Promise<WasmBackend>;
  };
}

// Node 20 multiplies whole numbers by relaxed SIMD wrongly, so what it cannot show is shown in a browser.
test.describe('projections in q8 on WebAssembly', () => {
  const kinds = [
    { relaxed: false, eightBits: false },
    { relaxed: true, eightBits: false },
    { relaxed: true, eightBits: true },
  ];

  for (const kind of kinds) {
    test(`are right to the steps of their codes, with ${JSON.stringify(kind)}`, async ({ page }) => {
      await page.goto('/pages/blank.html');
      const worst = await page.evaluate(
        async ({ code, kind }) => {
          const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
          const { WasmBackend } = (await import(address)) as WasmModule;
          // 7 rows: a tile of 6 and one. 12 outputs: a panel and a half. 100 features: a block of 64 and one of 36.
          const [rows, outputs, columns] = [7, 12, 100];
          const numbers = (length: number, seed: number) =>
            Float32Array.from({ length }, (_, i) => Math.sin(seed + i * i) + (i % columns === 5 ? 30 : 0));
          const weights = numbers(outputs * columns, 1);
          const x = numbers(rows * columns, 2);
          const backend = await WasmBackend.start({ threads: 1, precision: 'q8', ...kind });
          await backend.prepare({
            hiddenSize: 128,
            intermediateSize: 260,
            heads: 2,
            headSize: 64,
            gated: false,
          });
          const weight = backend.weight(weights, outputs, columns);
          backend.begin({ ids: new Uint32Array(rows), starts: Uint32Array.of(0, rows) });
          const input = backend.activation(rows, columns);
          const out = backend.activation(rows, outputs);
          backend.write(input, x);
          backend.linear(input, { weight }, out);
          const found = await backend.read(out);
          backend.dispose();

          /** Half a step of the code of a number, which has the largest size of its block as the largest code. */
          const halfStep = (data: Float32Array, row: number, k: number, most: number) => {
            const first = k - (k % 64);
            const block = data.subarray(row * columns + first, row * columns + Math.min(first + 64, columns));
            return Math.max(...block.map(Math.abs)) / most / 2;
          };
          let largest = 0;
          for (let row = 0; row < rows; row++) {
            for (let output = 0; output < outputs; output++) {
              let sum = 0;
              let bound = 1e-3;
              for (let k = 0; k < columns; k++) {
                const [a, b] = [x[row * columns + k], weights[output * columns + k]];
                const stepA = halfStep(x, row, k, kind.relaxed ? (kind.eightBits ? 127 : 63) : 32767);
                const stepB = halfStep(weights, output, k, 127);
                sum += a * b;
                bound += Math.abs(a) * stepB + Math.abs(b) * stepA + stepA * stepB;
              }
              largest = Math.max(largest, Math.abs(found[row * outputs + output] - sum) / bound);
            }
          }
          return largest;
        },
        { code: await bundle(), kind },
      );
      expect(worst).toBeGreaterThan(0);
      expect(worst).toBeLessThan(1);
    });
  }
});
