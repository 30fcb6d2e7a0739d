import { Rotate } from './jobs';

/** Chunk = block of rows. Pairs are (i, i + headSize / 2). */
export function rotate(job: Rotate, chunk: i32): void {
  const half = (<usize>job.headSize) << 1;
  const first = chunk * job.rowsPerChunk;
  const last = min(first + job.rowsPerChunk, job.rows);
  const heads = 2 * job.heads; // of queries and of keys, side by side
  const stride = (<usize>(3 * job.heads * job.headSize)) << 2;
  for (let row = first; row < last; row++) {
    const position = <usize>load<i32>(job.positions + ((<usize>row) << 2));
    const cosines = job.angles + position * 2 * half;
    const sines = cosines + half;
    let x = job.qkv + <usize>row * stride;
    for (let head = 0; head < heads; head++) {
      for (let at: usize = 0; at < half; at += 16) {
        const cosine = v128.load(cosines + at);
        const sine = v128.load(sines + at);
        const a = v128.load(x + at);
        const b = v128.load(x + half + at);
        v128.store(x + at, f32x4.sub(f32x4.mul(a, cosine), f32x4.mul(b, sine)));
        v128.store(x + half + at, f32x4.add(f32x4.mul(b, cosine), f32x4.mul(a, sine)));
      }
      x += 2 * half;
    }
  }
}
