import { Norm } from './jobs';
import { madd, sumOf } from './simd';

/** Chunk = block of rows. Mean first, then the variance about it: one pass would cancel where a feature is far out. */
export function norm(job: Norm, chunk: i32): void {
  const bytes = (<usize>job.columns) << 2;
  const first = chunk * job.rowsPerChunk;
  const last = min(first + job.rowsPerChunk, job.rows);
  for (let row = first; row < last; row++) {
    const stream = job.stream + <usize>row * bytes;
    let sum = f32x4.splat(0);
    if (job.added) {
      const added = job.added + <usize>row * bytes;
      for (let at: usize = 0; at < bytes; at += 16) {
        const value = f32x4.add(v128.load(stream + at), v128.load(added + at));
        v128.store(stream + at, value);
        sum = f32x4.add(sum, value);
      }
    } else {
      for (let at: usize = 0; at < bytes; at += 16) sum = f32x4.add(sum, v128.load(stream + at));
    }
    const mean = f32x4.splat(sumOf(sum) / <f32>job.columns);
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 16) {
      const away = f32x4.sub(v128.load(stream + at), mean);
      squares = madd(away, away, squares);
    }
    const deviation = sqrt(sumOf(squares) / <f32>job.columns + job.epsilon);
    const scale = f32x4.splat(<f32>1 / deviation);
    for (let at: usize = 0; at < bytes; at += 16) {
      const away = f32x4.mul(f32x4.sub(v128.load(stream + at), mean), scale);
      v128.store(stream + at, madd(away, v128.load(job.weight + at), v128.load(job.bias + at)));
    }
  }
}
