import { expect, test } from 'vitest';
import { ROW_CLASSES, TILES, type Tile, tileFor } from './tiles.ts';
import { describeChoices, tune } from './tuning.ts';

/** A device on which a run of a tile takes a given time, and its clock. */
function device(milliseconds: (tile: Tile, rows: number) => number, attention = [1, 1]) {
  let time = 0;
  const contest = {
    tiles: TILES,
    project: async (tile: Tile, rows: number, times: number) => {
      time += 0.05 + times * milliseconds(tile, rows);
    },
    attend: async (tiled: boolean, times: number) => {
      time += times * attention[tiled ? 1 : 0];
    },
  };
  return { contest, now: () => time };
}

test('each row class gets the tile that is the fastest for it', async () => {
  const { contest, now } = device((tile, rows) => (tile === (rows <= 32 ? TILES[4] : TILES[1]) ? 0.1 : 0.3));
  const { tiles } = await tune(contest, now);
  expect([1, 8, 32].map((rows) => tileFor(tiles, rows))).toEqual([TILES[4], TILES[4], TILES[4]]);
  expect([33, 128, 129, 5000].map((rows) => tileFor(tiles, rows))).toEqual(Array(4).fill(TILES[1]));
});

test('the tile that suits most GPUs stays where others are hardly faster', async () => {
  const { contest, now } = device((tile) => (tile === TILES[0] ? 0.1 : 0.098));
  const { tiles } = await tune(contest, now);
  expect(new Set(tiles)).toEqual(new Set([TILES[0]]));
});

test('attention goes by tiles where that is faster', async () => {
  for (const [times, expected] of [
    [[1, 0.5], true],
    [[0.5, 1], false],
  ] as const) {
    const { contest, now } = device(() => 0.1, [...times]);
    expect((await tune(contest, now)).tiledAttention).toBe(expected);
  }
});

test('only tiles that the device has take part', async () => {
  const { contest, now } = device(() => 0.1);
  const { tiles } = await tune({ ...contest, tiles: TILES.slice(1) }, now);
  expect(tiles).not.toContain(TILES[0]);
});

test('on a slow device tuning ends within about a second, and every class has a tile', async () => {
  const { contest, now } = device((_, rows) => rows, [50, 50]);
  const choices = await tune(contest, now);
  expect(now()).toBeLessThan(1100);
  expect(choices.tiles).toHaveLength(ROW_CLASSES.length);
  expect(choices.tiles.every((tile) => TILES.includes(tile))).toBe(true);
  expect(describeChoices(choices)).toMatch(/up to 8 .*up to 32 .*more .*attention from caches/);
});
