import { Gate, Linear } from './jobs';
import { gelu } from './simd';
import { PANEL, ROWS, tiles } from './tile';

/** Chunk = block of rows + rowBlocks · block of panels. @param scratch - room for a tile's sums. */
export function linear(job: Linear, chunk: i32, scratch: usize): void {
  const rowBlocks = (job.rows + job.rowsPerChunk - 1) / job.rowsPerChunk;
  const panels = (job.outputs + PANEL - 1) / PANEL;
  const firstRow = (chunk % rowBlocks) * job.rowsPerChunk;
  const firstPanel = (chunk / rowBlocks) * job.panelsPerChunk;
  const lastRow = min(firstRow + job.rowsPerChunk, job.rows);
  const lastPanel = min(firstPanel + job.panelsPerChunk, panels);
  const stride = (<usize>job.inner) << 2;
  // The panel stays in the nearest cache while the rows of the block go past it.
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    const w = job.weight + <usize>panel * (stride * PANEL);
    for (let row = firstRow; row < lastRow; row += ROWS) {
      const rows = min(ROWS, lastRow - row);
      tiles(rows, job.x + <usize>row * stride, stride, w, job.inner, scratch, PANEL << 2);
      finish(job, row, rows, panel * PANEL, scratch);
    }
  }
}

/** Bias and GELU on the way from the tile to its place. A last panel may be half one. */
export function finish(job: Linear, row: i32, rows: i32, output: i32, sums: usize): void {
  const wide = output + 4 < job.outputs;
  const stride = (<usize>job.outputs) << 2;
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  if (job.bias) {
    const bias = job.bias + ((<usize>output) << 2);
    low = v128.load(bias);
    if (wide) high = v128.load(bias, 16);
  }
  let y = job.y + <usize>row * stride + ((<usize>output) << 2);
  for (let r = 0; r < rows; r++) {
    let a = f32x4.add(v128.load(sums), low);
    let b = f32x4.add(v128.load(sums, 16), high);
    if (job.activation) {
      a = gelu(a);
      if (wide) b = gelu(b);
    }
    v128.store(y, a);
    if (wide) v128.store(y, b, 16);
    sums += PANEL << 2;
    y += stride;
  }
}

/** Chunk = block of rows. */
export function gate(job: Gate, chunk: i32): void {
  const bytes = (<usize>job.columns) << 2;
  const first = chunk * job.rowsPerChunk;
  const last = min(first + job.rowsPerChunk, job.rows);
  for (let row = first; row < last; row++) {
    const x = job.x + <usize>row * (2 * bytes);
    const y = job.y + <usize>row * bytes;
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(y + at, f32x4.mul(v128.load(x + at), gelu(v128.load(x + bytes + at))));
    }
  }
}
