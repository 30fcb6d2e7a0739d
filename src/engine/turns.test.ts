import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('one runs at a time, in order of arrival, whether they fail or not', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const run = (name: string, fail = false) =>
    turns.take(async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      log.push(`${name} ends`);
      if (fail) throw new Error(name);
      return name;
    });
  const all = await Promise.allSettled([run('a'), run('b', true), run('c')]);
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
