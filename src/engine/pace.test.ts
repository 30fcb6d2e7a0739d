import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

test('begins with 256 tokens, or with the most that are allowed', () => {
  expect(new Pace(2048).budget).toBe(256);
  expect(new Pace(100).budget).toBe(100);
});

test('takes what the device does in 150 ms', () => {
  const pace = new Pace(10_000);
  for (let i = 0; i < 20; i++) pace.record(1000, 500);
  expect(pace.budget).toBe(300);
  expect(pace.tokensPerSecond).toBeCloseTo(2000);
});

test('stays between 64 tokens and the most that are allowed', () => {
  const slow = new Pace(2048);
  slow.record(64, 60_000);
  expect(slow.budget).toBe(64);
  const fast = new Pace(2048);
  fast.record(2048, 0);
  expect(fast.budget).toBe(2048);
});

test('forgets one slow batch after a few others', () => {
  const pace = new Pace(100_000);
  pace.record(1000, 10_000);
  for (let i = 0; i < 15; i++) pace.record(1000, 100);
  expect(pace.budget).toBeGreaterThan(1400);
});
