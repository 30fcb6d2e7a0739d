/** How a matmul kernel divides its work: a thread makes `rows` rows by `columns` vec4s of outputs, and 64 threads are a group of 8 × 8. */
export interface Tile {
  /** From registers and caches (linear.wgsl), or by way of workgroup memory (linear-tiled.wgsl). */
  readonly kernel: 'registers' | 'workgroup';
  readonly rows: number;
  readonly columns: number;
}

/**
 * The tiles to choose from, the one that suits most GPUs first. Which one is the fastest is a matter of the device and of the
 * number of rows, and is measured (tuning.ts). All of them add in one order, so the choice has no influence on results.
 */
export const TILES: readonly Tile[] = [
  { kernel: 'workgroup', rows: 8, columns: 2 },
  { kernel: 'workgroup', rows: 4, columns: 1 },
  { kernel: 'registers', rows: 4, columns: 2 },
  { kernel: 'registers', rows: 8, columns: 2 },
  { kernel: 'registers', rows: 1, columns: 1 },
];

/** Most rows for which each choice is made, and the rows that it is measured with. The last one is for all larger ones. */
export const ROW_CLASSES: readonly number[] = [8, 32, 128, 512];

/** A tile for each row class. */
export type TileTable = readonly Tile[];

export function tileFor(table: TileTable, rows: number): Tile {
  const at = ROW_CLASSES.findIndex((most) => rows <= most);
  return table[at < 0 ? table.length - 1 : at];
}

/** A tile with room for a gate: it has two sums where there was one. */
export function withGate({ kernel, rows, columns }: Tile): Tile {
  return columns > 1
    ? { kernel, rows, columns: columns / 2 }
    : { kernel, rows: Math.max(1, rows / 2), columns };
}

/** `workgroup 64×64`: rows and outputs of a group of threads. */
export function nameOf({ kernel, rows, columns }: Tile): string {
  return `${kernel} ${8 * rows}×${32 * columns}`;
}

/**
 * What a processor that plays a GPU gets without a race: its driver takes longer to compile the kernels than a better choice would
 * win, and it has no workgroup memory but the processor's own.
 */
export const SOFTWARE_TILES: TileTable = [TILES[4], TILES[2], TILES[2], TILES[2]];
