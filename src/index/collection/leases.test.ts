import { expect, test } from 'vitest';
import { Leases } from './leases.ts';

/** A part that says whether it is disposed of. */
class Part {
  disposals = 0;

  constructor(readonly name: string) {}

  dispose(): void {
    this.disposals++;
  }
}

test('a part that nobody reads is disposed of at once, and one that is read after its last reader', () => {
  const disposed: string[] = [];
  const leases = new Leases(() => disposed.push('later'));
  const [free, read] = [new Part('free'), new Part('read')];
  const first = leases.take([read]);
  const second = leases.take([read]);
  leases.retire(free);
  leases.retire(read);
  expect([free.disposals, read.disposals]).toEqual([1, 0]);
  expect(leases.retiredOf('read')).toBe(read);
  first();
  expect(read.disposals).toBe(0);
  second();
  expect(read.disposals).toBe(1);
  expect(leases.retiredOf('read')).toBeUndefined();
  expect(disposed).toEqual(['later']);
});

test('a part that is read no more is not disposed of before it is retired', () => {
  const leases = new Leases(() => {});
  const part = new Part('part');
  leases.take([part])();
  expect(part.disposals).toBe(0);
  leases.retire(part);
  expect(part.disposals).toBe(1);
});

test('settled waits for all that was retired', async () => {
  const leases = new Leases(() => {});
  await leases.settled();
  const parts = [new Part('a'), new Part('b')];
  const ends = parts.map((part) => leases.take([part]));
  for (const part of parts) leases.retire(part);
  let isSettled = false;
  const settled = leases.settled().then(() => {
    isSettled = true;
  });
  ends[0]();
  await Promise.resolve();
  expect(isSettled).toBe(false);
  ends[1]();
  await settled;
  expect(parts.map(({ disposals }) => disposals)).toEqual([1, 1]);
});
