import { expect, test } from 'vitest';
import { SharedVectors } from './shared-vectors.ts';

const text = { pooled: Float32Array.of(1), tokenCount: 3, truncated: false };

test('a text is there for everybody who expected it, and gone after the last one', () => {
  const shared = new SharedVectors();
  shared.expect(['tern', 'tern', 'gull']);
  expect(shared.has('tern')).toBe(false);
  shared.put('tern', text);
  expect(shared.take('tern')).toBe(text);
  expect(shared.has('tern')).toBe(true);
  expect(shared.take('tern')).toBe(text);
  expect(shared.has('tern')).toBe(false);
  expect(shared.size).toBe(1);
});

test('who gives up is waited for no longer', () => {
  const shared = new SharedVectors();
  shared.expect(['tern', 'tern']);
  shared.giveUp(['tern', 'tern']);
  shared.put('tern', text);
  expect(shared.has('tern')).toBe(false);
  expect(shared.size).toBe(0);
});
