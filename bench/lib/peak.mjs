/**
 * What the processor's SIMD can do at most in a browser: twelve sums in registers and nothing else, in WebAssembly with relaxed
 * SIMD. Kernels are held against it.
 */
import asc from 'assemblyscript/asc';

const SUMS = Array.from({ length: 12 }, (_, i) => `s${i}`);

const loop = (name, zero, step, fold) => `
export function ${name}(times: i32): i32 {
  ${SUMS.map((sum) => `let ${sum} = ${zero};`).join(' ')}
  const a = i8x16.splat(<i8>times);
  const b = i8x16.splat(<i8>(times >> 3));
  for (let i = 0; i < times; i++) {
    ${SUMS.map((sum) => `${sum} = ${step(sum)};`).join(' ')}
  }
  return i32x4.extract_lane(${SUMS.reduce((all, sum) => `${fold}(${all}, ${sum})`)}, 0);
}`;

const SOURCE =
  loop('f32', 'f32x4.splat(0)', (sum) => `f32x4.relaxed_madd(a, b, ${sum})`, 'f32x4.add') +
  loop('int8', 'i32x4.splat(0)', (sum) => `i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, ${sum})`, 'i32x4.add');

/** Multiplications and additions of a step of the loop. */
const OPERATIONS = { f32: SUMS.length * 4 * 2, int8: SUMS.length * 16 * 2 };

/** Measures the loops in a page. @returns billions of operations a second of one thread, by name. */
export async function measurePeak(page) {
  let binary;
  const { error, stderr } = await asc.main(
    [
      'peak.ts',
      '--outFile',
      'peak.wasm',
      '-O3',
      '--runtime',
      'stub',
      '--enable',
      'simd',
      '--enable',
      'relaxed-simd',
    ],
    {
      readFile: (name) => (name === 'peak.ts' ? SOURCE : null),
      writeFile: (_, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return page.evaluate(
    async ({ bytes, operations }) => {
      const { instance } = await WebAssembly.instantiate(Uint8Array.from(bytes));
      const best = {};
      for (let round = 0; round < 5; round++) {
        for (const [name, each] of Object.entries(operations)) {
          const times = 10_000_000;
          const start = performance.now();
          instance.exports[name](times);
          const rate = (times * each) / (performance.now() - start) / 1e6;
          best[name] = Math.max(best[name] ?? 0, rate);
        }
      }
      return best;
    },
    { bytes: [...binary], operations: OPERATIONS },
  );
}
