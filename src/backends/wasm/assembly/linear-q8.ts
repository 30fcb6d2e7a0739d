import { LinearQ8, Quantise } from './jobs';
import { gelu, madd } from './simd';
import { PANEL, ROWS } from './tile';
import { BLOCK, tiles } from './tile-q8';

/** Rows of x as whole numbers of 16 bits: a row's largest size becomes 32767. Chunk = block of rows. */
export function quantise(job: Quantise, chunk: i32): void {
  const bytes = (<usize>job.columns) << 2;
  const first = chunk * job.rowsPerChunk;
  const last = min(first + job.rowsPerChunk, job.rows);
  for (let row = first; row < last; row++) {
    const x = job.x + (<usize>row) * bytes;
    const y = job.y + (<usize>row) * (bytes >> 1);
    let sizes = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 16) sizes = f32x4.pmax(sizes, f32x4.abs(v128.load(x + at)));
    const largest = max(
      max(f32x4.extract_lane(sizes, 0), f32x4.extract_lane(sizes, 1)),
      max(f32x4.extract_lane(sizes, 2), f32x4.extract_lane(sizes, 3)),
    );
    const scale = largest > 0 ? <f32>32767 / largest : <f32>1;
    store<f32>(job.scales + ((<usize>row) << 2), <f32>1 / scale);
    const factor = f32x4.splat(scale);
    for (let at: usize = 0; at < bytes; at += 16) {
      const whole = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x + at), factor)));
      v128.store64_lane(y + (at >> 1), i16x8.narrow_i32x4_s(whole, whole), 0);
    }
  }
}

/** As `linear`, on quantised rows. */
export function linearQ8(job: LinearQ8, chunk: i32, scratch: usize): void {
  const rowBlocks = (job.rows + job.rowsPerChunk - 1) / job.rowsPerChunk;
  const panels = (job.outputs + PANEL - 1) / PANEL;
  const firstRow = (chunk % rowBlocks) * job.rowsPerChunk;
  const firstPanel = (chunk / rowBlocks) * job.panelsPerChunk;
  const lastRow = min(firstRow + job.rowsPerChunk, job.rows);
  const lastPanel = min(firstPanel + job.panelsPerChunk, panels);
  const stride = (<usize>job.inner) << 1;
  const blocks = (job.inner + BLOCK - 1) / BLOCK;
  const panelBytes = (<usize>(job.inner + 4 * blocks)) * PANEL;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    const w = job.weight + (<usize>panel) * panelBytes;
    for (let row = firstRow; row < lastRow; row += ROWS) {
      const rows = min(ROWS, lastRow - row);
      tiles(rows, job.x + (<usize>row) * stride, stride, w, job.inner, scratch);
      finish(job, row, rows, panel * PANEL, scratch);
    }
  }
}

/** The row's scale, bias and GELU on the way from the tile to its place. */
function finish(job: LinearQ8, row: i32, rows: i32, output: i32, sums: usize): void {
  const wide = output + 4 < job.outputs;
  const stride = (<usize>job.outputs) << 2;
  const place = (<usize>output) << 2;
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  if (job.bias) {
    low = v128.load(job.bias + place);
    if (wide) high = v128.load(job.bias + place, 16);
  }
  let y = job.y + (<usize>row) * stride + place;
  for (let r = 0; r < rows; r++) {
    const scale = v128.load32_splat(job.scales + ((<usize>(row + r)) << 2));
    let a = madd(v128.load(sums), scale, low);
    let b = madd(v128.load(sums, 16), scale, high);
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
