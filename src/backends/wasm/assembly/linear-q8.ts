import { LinearQ8, Quantise } from './jobs';
import { finish } from './linear';
import { madd, maxOf } from './simd';
import { PANEL, ROWS } from './tile';
import { BLOCK, GROUP, tiles } from './tile-q8';

/** Below, a block counts as zeros: its scale would be no float32. */
const SMALLEST: f32 = 1e-30;

/** Bytes of a row of codes: whole pairs of groups. */
// @ts-ignore: decorator
@inline
function rowBytes(columns: i32): usize {
  return (<usize>(columns / GROUP) * 4 + 7) & ~7;
}

// @ts-ignore: decorator
@inline
function blocksOf(columns: i32): i32 {
  return (columns + BLOCK - 1) / BLOCK;
}

/**
 * Rows of x as whole numbers, with a scale for each block: its largest size becomes the largest code. Chunk = block of rows. NaN
 * makes the scale NaN, and so does not get lost.
 */
export function quantise(job: Quantise, chunk: i32): void {
  const columns = job.columns;
  const first = chunk * job.rowsPerChunk;
  const last = min(first + job.rowsPerChunk, job.rows);
  const most = <f32>job.most;
  // Adding 1.5 · 2²³ rounds to a whole number, which then is in the lowest bits.
  const shift = f32x4.splat(<f32>12582912 + <f32>job.zero);
  const mask = i32x4.splat(GROUP == 4 ? 0xff : 0xffff);
  for (let row = first; row < last; row++) {
    let x = job.x + (<usize>row) * ((<usize>columns) << 2);
    let y = job.y + (<usize>row) * rowBytes(columns);
    let scales = job.scales + (<usize>(row * blocksOf(columns)) << 2);
    const end = x + ((<usize>columns) << 2);
    while (x < end) {
      const blockEnd = min(x + (BLOCK << 2), end);
      let sizes = f32x4.splat(0);
      for (let at = x; at < blockEnd; at += 16) sizes = f32x4.max(sizes, f32x4.abs(v128.load(at)));
      const largest = maxOf(sizes);
      store<f32>(scales, largest / most);
      const factor = f32x4.splat(largest > SMALLEST ? most / largest : 0);
      for (; x < blockEnd; x += 16) {
        const whole = v128.and(madd(v128.load(x), factor, shift), mask);
        const halves = i16x8.narrow_i32x4_u(whole, whole);
        if (GROUP == 4) {
          v128.store32_lane(y, i8x16.narrow_i16x8_u(halves, halves), 0);
          y += 4;
        } else {
          v128.store64_lane(y, halves, 0);
          y += 8;
        }
      }
      scales += 4;
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
  const bytes = rowBytes(job.inner);
  const blocks = blocksOf(job.inner);
  const scaleStride = (<usize>blocks) << 2;
  const panelBytes = bytes * (GROUP * PANEL / 4) + (<usize>blocks) * (8 * PANEL);
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    const w = job.weight + (<usize>panel) * panelBytes;
    for (let row = firstRow; row < lastRow; row += ROWS) {
      const rows = min(ROWS, lastRow - row);
      const x = job.x + (<usize>row) * bytes;
      tiles(rows, x, bytes, job.scales + (<usize>row) * scaleStride, scaleStride, w, bytes, scratch);
      finish(job, row, rows, panel * PANEL, scratch);
    }
  }
}
