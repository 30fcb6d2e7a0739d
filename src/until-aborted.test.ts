import { expect, test, vi } from 'vitest';
import { untilAborted } from './until-aborted.ts';

const never = () => new Promise<never>(() => {});

test('work that ends before an abort comes to its own end, and an abort after that stops nothing', async () => {
  const controller = new AbortController();
  const stop = vi.fn();
  expect(await untilAborted(async () => 7, controller.signal, stop)).toBe(7);
  await expect(untilAborted(() => Promise.reject(new Error('No.')), controller.signal, stop)).rejects.toThrow(
    'No.',
  );
  controller.abort();
  expect(stop).not.toHaveBeenCalled();
});

test('an abort rejects at once with the signal’s reason, and stops the work', async () => {
  const controller = new AbortController();
  const stop = vi.fn();
  const outcome = untilAborted(never, controller.signal, stop);
  controller.abort('enough');
  await expect(outcome).rejects.toBe('enough');
  expect(stop).toHaveBeenCalledOnce();
});

test('with a signal that is aborted already no work is begun', async () => {
  const begin = vi.fn(never);
  await expect(untilAborted(begin, AbortSignal.abort('before'))).rejects.toBe('before');
  expect(begin).not.toHaveBeenCalled();
});

test('work that fails after an abort is nobody’s unhandled rejection', async () => {
  const controller = new AbortController();
  let fail = (_: Error) => {};
  const outcome = untilAborted(
    () =>
      new Promise<void>((_, reject) => {
        fail = reject;
      }),
    controller.signal,
  );
  controller.abort('enough');
  fail(new Error('Late.'));
  await expect(outcome).rejects.toBe('enough');
  await new Promise((resolve) => setTimeout(resolve));
});

test('no listener is left at a signal that outlives the work', async () => {
  const { signal } = new AbortController();
  const removed = vi.spyOn(signal, 'removeEventListener');
  await untilAborted(async () => {}, signal);
  await Promise.resolve();
  expect(removed).toHaveBeenCalledOnce();
});
