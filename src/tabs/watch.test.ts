import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Watch } from './watch.ts';

const told: string[] = [];
let watch: Watch;

beforeEach(() => {
  vi.useFakeTimers();
  told.length = 0;
  watch = watchOf('', 0);
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

/** A watch that tells what it does, but for its everyday questions. */
function watchOf(name: string, chance: number, ask = () => {}): Watch {
  const askAll = () => told.push(`${name}suspect`);
  const giveUp = () => told.push(`${name}give up`);
  return new Watch({ ask, askAll, giveUp }, chance);
}

test('asks several times, suspects after 0.6 s of silence, and gives up soon after', () => {
  const ask = vi.fn();
  watch = watchOf('', 0, ask);
  watch.start();
  vi.advanceTimersByTime(590);
  expect([ask.mock.calls.length, told]).toEqual([4, []]);
  vi.advanceTimersByTime(60);
  expect(told).toEqual(['suspect']);
  vi.advanceTimersByTime(90);
  expect(told).toEqual(['suspect']);
  vi.advanceTimersByTime(60);
  expect(told).toEqual(['suspect', 'give up']);
});

test('gives up within a second of the last sign of life, and never a side that answers after up to 0.6 s', () => {
  const moment = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(moment, moment, moment, (chance, phase, busy) => {
      told.length = 0;
      watch = watchOf('', chance);
      watch.start();
      vi.advanceTimersByTime(500 * phase);
      watch.heard();
      // It answers questions, when it can, and the first of them comes within a look.
      vi.advanceTimersByTime(600 * busy);
      watch.heard();
      expect(told).not.toContain('give up');
      vi.advanceTimersByTime(1001);
      expect(told.filter((one) => one === 'give up')).toEqual(['give up']);
      watch.stop();
    }),
  );
});

test('begins anew with every sign of life', () => {
  watch.start();
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(590);
    watch.heard();
  }
  expect(told).toEqual([]);
  vi.advanceTimersByTime(720);
  watch.heard();
  vi.advanceTimersByTime(590);
  expect(told).not.toContain('give up');
});

test('says nothing once it is stopped', () => {
  watch.start();
  watch.stop();
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([]);
});

test('neither suspects nor gives up at the first look after its own thread was away', () => {
  watch.start();
  vi.advanceTimersByTime(100);
  // The clock goes on, and no timer fires: the answer is there, and is heard after the timer.
  const away = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
  vi.advanceTimersByTime(25);
  expect(told).toEqual([]);
  watch.heard();
  away.mockRestore();
  vi.advanceTimersByTime(500);
  expect(told).toEqual([]);
});

test('in a thread whose timers come once a second gives up all the same', () => {
  const clock = vi.spyOn(performance, 'now');
  watch.start();
  for (let second = 1; second <= 3; second++) {
    clock.mockReturnValue(1000 * second);
    vi.advanceTimersToNextTimer();
  }
  expect(told).toEqual(['suspect', 'give up']);
});

test('one of those who watch the same silence gives up before others', () => {
  const late = watchOf('late ', 1);
  watch.start();
  late.start();
  vi.advanceTimersByTime(800);
  expect(told).toEqual(['suspect', 'late suspect', 'give up']);
  vi.advanceTimersByTime(100);
  late.stop();
  expect(told).toContain('late give up');
});
