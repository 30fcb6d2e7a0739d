/** What the machine's memory gives at most: a loop that reads it and does nothing else. */
import asc from 'assemblyscript/asc';

/** Four sums, so that none waits for another. */
const READER = `
  export function read(from: usize, to: usize): i64 {
    let a = i64x2.splat(0), b = a, c = a, d = a;
    for (let at = from; at < to; at += 64) {
      a = v128.xor(a, v128.load(at));
      b = v128.xor(b, v128.load(at, 16));
      c = v128.xor(c, v128.load(at, 32));
      d = v128.xor(d, v128.load(at, 48));
    }
    const all = v128.xor(v128.xor(a, b), v128.xor(c, d));
    return i64x2.extract_lane(all, 0) ^ i64x2.extract_lane(all, 1);
  }`;
const BYTES = 256_000_000;
const ROUNDS = 15;

/** @returns bytes a second of one thread in WebAssembly SIMD, the median of some rounds over 256 MB. */
export async function measureBandwidth() {
  const { binary, error, stderr } = await asc.compileString(READER, {
    optimizeLevel: 3,
    runtime: 'stub',
    enable: ['simd'],
    importMemory: true,
  });
  if (!binary) throw error ?? new Error(`${stderr}`);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(BYTES / 65536) + 1 });
  const env = { memory, abort() {} };
  const { instance } = await WebAssembly.instantiate(binary, { env });
  new Uint8Array(memory.buffer).fill(1);
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    instance.exports.read(65536, 65536 + BYTES);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return BYTES / (times[ROUNDS >> 1] / 1000);
}
