import { describe, expect, test } from 'vitest';
import type { Priority } from '../types.ts';
import { Turns } from './turns.ts';

/** Turns whose log says who began and who ended. */
function logged() {
  const turns = new Turns();
  const log: string[] = [];
  const run = (priority: Priority, name: string, fail = false) =>
    turns.take(priority, async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      log.push(`${name} ends`);
      if (fail) throw new Error(name);
      return name;
    });
  return { run, log };
}

const inOrder = (...names: string[]) => names.flatMap((name) => [`${name} begins`, `${name} ends`]);

describe('turns', () => {
  test('are taken one at a time, in order of arrival, whether they fail or not', async () => {
    const { run, log } = logged();
    const all = await Promise.allSettled(
      ['a', 'b', 'c'].map((name) => run('interactive', name, name === 'b')),
    );
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(log).toEqual(inOrder('a', 'b', 'c'));
  });

  test('go to interactive ones before background ones', async () => {
    const { run, log } = logged();
    await Promise.all([
      run('background', 'a'),
      run('background', 'b'),
      run('interactive', 'c'),
      run('background', 'd'),
      run('interactive', 'e'),
    ]);
    expect(log).toEqual(inOrder('c', 'e', 'a', 'b', 'd'));
  });

  test('go to an interactive one that asks while a background one runs', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const background = ['a', 'b'].map((name) =>
      turns.take('background', async () => {
        log.push(name);
        // As a message that comes in while the device is busy: it is heard when the turn is over.
        if (name === 'a')
          setImmediate(() => void turns.take('interactive', async () => void log.push('query')));
      }),
    );
    await Promise.all(background);
    expect(log).toEqual(['a', 'query', 'b']);
  });

  test('go on after everybody was done', async () => {
    const { run, log } = logged();
    await run('background', 'a');
    await run('interactive', 'b');
    expect(log).toEqual(inOrder('a', 'b'));
  });
});
