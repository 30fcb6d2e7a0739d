import { expect, test } from 'vitest';
import { fileOfBlob, quote, readAll, readJson } from './files.ts';
import { refusal } from './testing/refusal.ts';

const file = (...bytes: number[]) => fileOfBlob('config.json', new Blob([Uint8Array.from(bytes)]));

test('a file gives just the bytes of a range', async () => {
  expect([...(await file(1, 2, 3, 4, 5).read(1, 3))]).toEqual([2, 3]);
  expect([...(await file(1, 2, 3).read(3, 3))]).toEqual([]);
  expect([...(await readAll(file(7, 8)))]).toEqual([7, 8]);
});

test.each([
  [0, 4],
  [-1, 2],
  [3, 2],
])('bytes %i to %i of a file of three are refused', async (start, end) => {
  expect(await refusal(() => file(1, 2, 3).read(start, end))).toBe(
    `corrupt-file: config.json has 3 bytes; needed: bytes ${start} to ${end}. Download it again.`,
  );
});

test('a file that is no JSON, no UTF-8 or empty is refused by name', async () => {
  const contents = [[0x7b], [0x22, 0xff, 0x22], []];
  for (const bytes of contents) {
    expect(await refusal(() => readJson(file(...bytes)))).toMatch(
      /^corrupt-file: config\.json is not JSON: ./,
    );
  }
});

test('a file that cannot be read any more is refused with a way out', async () => {
  const gone = { size: 4, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }) };
  expect(await refusal(() => fileOfBlob('config.json', gone as unknown as Blob).read(0, 4))).toBe(
    'corrupt-file: config.json can no longer be read: gone. Choose it again.',
  );
});

test('foreign values are shown short, however long, deep or absent they are', () => {
  expect(quote({ a: [1, 'b'] })).toBe('{"a":[1,"b"]}');
  expect(quote(undefined)).toBe('absent');
  expect(quote('x'.repeat(1e6)).length).toBeLessThan(130);
  expect(quote(JSON.parse('['.repeat(1e5) + ']'.repeat(1e5)))).toBe('a deeply nested value');
});
