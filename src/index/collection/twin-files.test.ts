import { expect, test } from 'vitest';
import { randomNumbers } from '../testing/vectors.ts';
import { CrashingFolder } from './testing/crashing-folder.ts';
import { FullFolder } from './testing/full-folder.ts';
import { forgetTwins, readTwins, writeTwins } from './twin-files.ts';

const stateOf = (generation: number) => ({ version: 1, generation, words: 'x'.repeat(generation % 50) });

const read = (folder: CrashingFolder | FullFolder) => readTwins(folder, 'state', 1, () => true);

/** Writes states until the power goes. @returns the last one that was acknowledged. */
async function writeOn(folder: CrashingFolder, from: number): Promise<number> {
  for (let generation = from; ; generation++) {
    try {
      await writeTwins(folder, 'state', stateOf(generation + 1));
    } catch (error) {
      if (!folder.isDead) throw error;
      return generation;
    }
  }
}

test('of two power cuts in a row, wherever they are, none leaves anything but the old state or the new one', async () => {
  for (let first = 1; first <= 40; first++) {
    for (let second = 1; second <= 40; second++) {
      const random = randomNumbers(100 * first + second);
      let folder = new CrashingFolder(first);
      let last = 0;
      for (const crashAt of [second, 12]) {
        const acknowledged = await writeOn(folder, last);
        folder = folder.restarted(random);
        const found = await read(folder);
        if (acknowledged > 0) expect(found).not.toBe('damaged');
        const generation = typeof found === 'object' ? found.generation : 0;
        expect([acknowledged, acknowledged + 1]).toContain(generation);
        last = generation;
        folder.crashAt = folder.calls + crashAt;
      }
    }
  }
});

test('a state for which there is no room is not there later, and the one before is', async () => {
  const folder = new FullFolder();
  await writeTwins(folder, 'state', stateOf(1));
  folder.room = 10;
  await expect(writeTwins(folder, 'state', stateOf(40))).rejects.toMatchObject({ code: 'storage-full' });
  expect(await read(folder)).toEqual(stateOf(1));
  folder.room = Number.POSITIVE_INFINITY;
  await writeTwins(folder, 'state', stateOf(2));
  expect(await read(folder)).toEqual(stateOf(2));
});

test('a state that only one file has room for is durable, and the older one does not come back', async () => {
  const folder = new FullFolder();
  await writeTwins(folder, 'state', stateOf(1));
  folder.room = 90;
  await writeTwins(folder, 'state', stateOf(3));
  expect(await read(folder)).toEqual(stateOf(3));
  const twins = ['state-a', 'state-b'].map(async (name) => (await folder.open(name))!.size);
  expect(Math.min(...(await Promise.all(twins)))).toBe(0);
});

test('a state that was forgotten is not there after a power cut', async () => {
  const folder = new CrashingFolder();
  await writeTwins(folder, 'state', stateOf(1));
  await forgetTwins(folder, 'state');
  expect(await read(folder.restarted(randomNumbers(1)))).toBeUndefined();
});

test('a state of a later version is refused with advice', async () => {
  const folder = new CrashingFolder();
  await writeTwins(folder, 'state', { version: 2, generation: 1 });
  await expect(read(folder)).rejects.toMatchObject({
    code: 'corrupt-file',
    message: expect.stringContaining('update the library'),
  });
});
