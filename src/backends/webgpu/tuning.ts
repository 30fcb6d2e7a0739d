import { nameOf, ROW_CLASSES, type Tile, type TileTable } from './tiles.ts';

/** Tuning ends after so many milliseconds; row classes that were not reached take the choice of the nearest one. */
const BUDGET = 800;
/** A measurement lasts about so long, in milliseconds, so that clocks and queues do not decide it. */
const LONG_ENOUGH = 4;
/** Another choice than the one that suits most GPUs must be so much faster. */
const WORTH_IT = 0.95;

/** The kernels to choose from, on a device. Runs are done several times in a row, and resolve when the device is done. */
export interface Contest {
  /** Tiles whose kernels the device compiles. */
  readonly tiles: readonly Tile[];
  project(tile: Tile, rows: number, times: number): Promise<void>;
  /** Attention within a text, by way of workgroup memory or without it. */
  attend(tiled: boolean, times: number): Promise<void>;
}

/** What is the fastest on a device. */
export interface Choices {
  /** For each row class. */
  readonly tiles: TileTable;
  readonly tiledAttention: boolean;
}

/**
 * Measures what is the fastest on this device, in about a second at most.
 *
 * @param now - the clock, in milliseconds.
 */
export async function tune(
  { tiles, project, attend }: Contest,
  now: () => number = () => performance.now(),
): Promise<Choices> {
  const started = now();
  const chosen = new Map<number, Tile>();
  // From few rows to many: where time runs out, it was a slow device, which has no use for large tiles of its memory.
  for (const rows of ROW_CLASSES) {
    let best: { tile: Tile; time: number } | undefined;
    for (const tile of tiles) {
      if (best && now() - started > BUDGET) break;
      const time = await timeOf((times) => project(tile, rows, times), now);
      if (!best || time < best.time * WORTH_IT) best = { tile, time };
    }
    chosen.set(rows, best!.tile);
    if (now() - started > BUDGET) break;
  }
  const direct = await timeOf((times) => attend(false, times), now);
  const tiledAttention = (await timeOf((times) => attend(true, times), now)) < direct * WORTH_IT;
  return {
    tiles: ROW_CLASSES.map((rows) => chosen.get(rows) ?? [...chosen.values()].at(-1)!),
    tiledAttention,
  };
}

/** Choices, for people. */
export function describeChoices({ tiles, tiledAttention }: Choices): string {
  const last = ROW_CLASSES.length - 1;
  const rows = ROW_CLASSES.map((most, i) => `${i === last ? 'more' : `up to ${most}`} ${nameOf(tiles[i])}`);
  return `Tiles measured on this device, by rows: ${rows.join(', ')}; attention ${tiledAttention ? 'by tiles' : 'from caches'}.`;
}

/**
 * Milliseconds of one run: the shorter of two measurements, after a run for drivers that compile at the first one, and one that tells
 * how many runs are long enough.
 */
async function timeOf(run: (times: number) => Promise<void>, now: () => number): Promise<number> {
  const measure = async (times: number) => {
    const start = now();
    await run(times);
    return (now() - start) / times;
  };
  await run(1);
  const first = await measure(1);
  if (first > 10 * LONG_ENOUGH) return first;
  const times = Math.min(200, Math.ceil(LONG_ENOUGH / Math.max(first / 4, 0.02)));
  return Math.min(await measure(times), await measure(times));
}
