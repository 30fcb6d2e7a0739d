import { SternaError } from '../../errors.ts';
import { BLOCK_ROWS, type CodeLayout, rowBytes } from '../vectors/code-layout.ts';
import { isSameMean } from '../vectors/mean.ts';
import type { Dispatch } from './commands.ts';
import type { GpuColumn } from './gpu-column.ts';
import { type MaskWords, maskWords } from './mask-words.ts';
import { KEYS_OF_GROUP, type Programs, type ScannedKind } from './programs.ts';

/** A column to scan. */
export interface GpuScanPart {
  readonly column: GpuColumn;
  /** Which rows take part: bit `i & 31` of word `i >> 5`. Default: all. */
  readonly mask?: Uint32Array;
}

/** Columns whose keys compare: of one kind, one length and one mean. */
export interface ScanGroup {
  readonly layout: CodeLayout;
  readonly mean: Float32Array;
  readonly columns: readonly GpuColumn[];
  /** Where each column is in the caller's list. */
  readonly places: readonly number[];
  /** Position of the first row of each column, and the number of all. */
  readonly firsts: readonly number[];
  readonly positions: number;
  readonly masks: MaskWords;
}

/** Puts the columns together that compare, in their order. */
export function groupColumns(parts: readonly GpuScanPart[]): ScanGroup[] {
  const groups: number[][] = [];
  for (const [i, { column }] of parts.entries()) {
    const group = groups.find(([first]) => isLike(parts[first].column, column));
    if (group) group.push(i);
    else groups.push([i]);
  }
  return groups.map((members) => makeGroup(parts, members));
}

function isLike(one: GpuColumn, other: GpuColumn): boolean {
  const { kind, dimensions } = one.layout;
  if (other.layout.kind !== kind || other.layout.dimensions !== dimensions) return false;
  return kind === 'float32' || isSameMean(one.mean, other.mean);
}

function makeGroup(parts: readonly GpuScanPart[], places: readonly number[]): ScanGroup {
  const columns = places.map((place) => parts[place].column);
  const { layout, mean } = columns[0];
  let positions = 0;
  const firsts = columns.map(({ rows }) => {
    positions += rows;
    return positions - rows;
  });
  const masks = maskWords(
    places.map((place) => ({ rows: parts[place].column.rows, mask: parts[place].mask })),
  );
  return { layout, mean, columns, places, firsts, positions, masks };
}

/** The buffers of a scan. */
export interface ScanBuffers {
  readonly masks: GPUBuffer;
  readonly keys: GPUBuffer;
  /** What {@link queryCodes} makes, one query after another. */
  readonly queries: GPUBuffer;
}

/** The size of a scan. */
export interface ScanSize {
  readonly queries: number;
  /** Words of a query. */
  readonly queryWords: number;
  /** Planes that take part. */
  readonly planes: number;
}

/**
 * The kernel runs that write the keys of all rows of a group for some queries, one for each buffer. Queries are neighbours in the
 * grid, so that codes that one of them has brought into a cache are there for the others.
 */
export function scanDispatches(
  programs: Programs,
  { layout, columns, firsts, positions, masks }: ScanGroup,
  { masks: maskBuffer, keys, queries: queryBuffer }: ScanBuffers,
  { queries, queryWords, planes }: ScanSize,
): Dispatch[] {
  const rowVectors = layout.planeBytes / 16;
  const dispatch = (
    i: number,
    { buffer, first, rows, lastStride }: GpuColumn['pieces'][number],
  ): Dispatch => {
    const start = masks.starts[i];
    const mask = start < 0 ? [0, 0] : [1, start + first / 32];
    const row = [planes, layout.planes, rowVectors, (BLOCK_ROWS * rowBytes(layout)) / 16];
    return {
      program: programs[layout.kind as ScannedKind],
      params: [firsts[i] + first, rows, ...row, lastStride, ...mask, positions, queryWords / 4],
      buffers: [maskBuffer, keys, buffer, queryBuffer],
      workgroups: [queries, Math.ceil(rows / 64)],
    };
  };
  return columns.flatMap(({ pieces }, i) => pieces.map((piece) => dispatch(i, piece)));
}

/** @throws SternaError `limits` where the keys of a query do not fit into a buffer. */
export function checkPositions({ positions }: ScanGroup, mostBytes: number): void {
  const most = Math.min(Math.floor(mostBytes / 4), 65535 * KEYS_OF_GROUP);
  if (positions <= most) return;
  throw new SternaError(
    'limits',
    `${positions} rows are to be scanned at once and this GPU takes ${most}. Scan fewer columns at a time.`,
  );
}
