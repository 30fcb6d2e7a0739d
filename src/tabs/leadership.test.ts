import { expect, test, vi } from 'vitest';
import { Leadership } from './leadership.ts';
import { FakeBrowser } from './testing/fake-browser.ts';

const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A candidate in a tab of its own, and what it was told. */
function candidate(browser: FakeBrowser) {
  const tab = browser.tab();
  const told: string[] = [];
  const leadership = new Leadership(
    tab.meeting.locks,
    'place',
    () => told.push('elected'),
    () => told.push('deposed'),
  );
  return { tab, leadership, told };
}

test('one leads at a time, and the next in the queue when it resigns', async () => {
  const browser = new FakeBrowser();
  const [a, b, c] = [candidate(browser), candidate(browser), candidate(browser)];
  for (const { leadership } of [a, b, c]) leadership.stand();
  await settle();
  expect([a.told, b.told, c.told]).toEqual([['elected'], [], []]);
  b.leadership.resign();
  a.leadership.resign();
  await settle();
  expect([a.told, b.told, c.told]).toEqual([['elected'], [], ['elected']]);
});

test('standing twice is standing once', async () => {
  const browser = new FakeBrowser();
  const [a, b] = [candidate(browser), candidate(browser)];
  a.leadership.stand();
  a.leadership.stand();
  b.leadership.stand();
  await settle();
  a.leadership.resign();
  await settle();
  expect([a.told, b.told]).toEqual([['elected'], ['elected']]);
});

test('a tab that dies makes room', async () => {
  const browser = new FakeBrowser();
  const [a, b] = [candidate(browser), candidate(browser)];
  for (const { leadership } of [a, b]) leadership.stand();
  await settle();
  a.tab.kill();
  await settle();
  expect(b.told).toEqual(['elected']);
});

test('one who seizes the place comes before the queue, and the one before hears of it and may stand again', async () => {
  const browser = new FakeBrowser();
  const [a, b, c] = [candidate(browser), candidate(browser), candidate(browser)];
  for (const { leadership } of [a, b, c]) leadership.stand();
  await settle();
  c.leadership.seize();
  await settle();
  expect([a.told, b.told, c.told]).toEqual([['elected', 'deposed'], [], ['elected']]);
  a.leadership.stand();
  c.leadership.resign();
  await settle();
  b.leadership.resign();
  await settle();
  expect([a.told, b.told]).toEqual([['elected', 'deposed', 'elected'], ['elected']]);
});

test('one who has resigned is not elected, although the lock was on its way', async () => {
  const browser = new FakeBrowser();
  const [a, b] = [candidate(browser), candidate(browser)];
  a.leadership.stand();
  a.leadership.resign();
  b.leadership.stand();
  await settle();
  expect([a.told, b.told]).toEqual([[], ['elected']]);
});

test('where the browser refuses locks everybody leads alone', async () => {
  const request = vi.fn(() => Promise.reject(new DOMException('Denied.', 'SecurityError')));
  const told: string[] = [];
  new Leadership({ request }, 'place', () => told.push('elected')).stand();
  await settle();
  expect(told).toEqual(['elected']);
});
