import { expect, test } from 'vitest';
import { release } from './release.ts';

test('bytes that are released are gone', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  release(bytes);
  expect(bytes.length).toBe(0);
  expect(bytes.buffer.byteLength).toBe(0);
});

test('released twice, or empty, they are no error', () => {
  const bytes = new Float32Array(5);
  release(bytes);
  release(bytes);
  release(new Uint8Array(0));
  expect(bytes.length).toBe(0);
});

test('a part of a buffer stays, as others may use the rest of it', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  release(bytes.subarray(1));
  expect([...bytes]).toEqual([1, 2, 3, 4]);
});

test('memory that is shared between threads stays', () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
  release(bytes);
  expect([...bytes]).toEqual([7, 7, 7, 7]);
});
