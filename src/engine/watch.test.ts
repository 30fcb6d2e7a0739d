import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Watch } from './watch.ts';

const told: string[] = [];
let watch: Watch;

beforeEach(() => {
  vi.useFakeTimers();
  told.length = 0;
  const ask = () => told.push('ask');
  const giveUp = () => told.push('give up');
  watch = new Watch(ask, giveUp, 0);
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

test('asks after a second of silence, and gives up after a second one', () => {
  watch.start();
  vi.advanceTimersByTime(900);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(told).toEqual(['ask']);
  vi.advanceTimersByTime(800);
  expect(told).toEqual(['ask']);
  vi.advanceTimersByTime(200);
  expect(told).toEqual(['ask', 'give up']);
});

test('begins anew with every sign of life', () => {
  watch.start();
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(900);
    watch.heard();
  }
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1900);
  watch.heard();
  vi.advanceTimersByTime(900);
  expect(told).toEqual(['ask']);
});

test('says nothing once it is stopped', () => {
  watch.start();
  watch.stop();
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([]);
});

test('does not give up at the first look after its own thread was away', () => {
  watch.start();
  vi.advanceTimersByTime(1000);
  expect(told).toEqual(['ask']);
  // The clock goes on, and no timer fires: the answer is there, and is heard after the timer.
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
  vi.advanceTimersByTime(250);
  watch.heard();
  vi.advanceTimersByTime(250);
  expect(told).toEqual(['ask']);
});

test('one of those who watch the same silence gives up before others', () => {
  const late = new Watch(
    () => {},
    () => told.push('late'),
    1,
  );
  watch.start();
  late.start();
  vi.advanceTimersByTime(2000);
  expect(told).toEqual(['ask', 'give up']);
  vi.advanceTimersByTime(250);
  late.stop();
  expect(told).toContain('late');
});
