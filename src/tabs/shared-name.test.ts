import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SternaError } from '../errors.ts';
import { sharedName } from './shared-name.ts';

test('the order of properties, absent values and functions play no part', () => {
  const name = sharedName('engine', { model: { a: '1', b: '2' }, device: 'wasm' });
  expect(
    sharedName('engine', { device: 'wasm', model: { b: '2', a: '1' }, threads: undefined, tell: () => {} }),
  ).toBe(name);
});

test('two kinds of service have two names', () => {
  expect(sharedName('index', { name: 'birds' })).not.toBe(sharedName('engine', { name: 'birds' }));
});

test('two requests have one name if and only if they are equal', () => {
  const request = fc.record({
    model: fc.oneof(fc.string(), fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 })),
    device: fc.constantFrom('auto', 'wasm'),
    batchTokens: fc.nat(3),
  });
  fc.assert(
    fc.property(request, request, (a, b) => {
      expect(sharedName('engine', a)).toBe(sharedName('engine', structuredClone(a)));
      let same = true;
      try {
        expect(a).toEqual(b);
      } catch {
        same = false;
      }
      expect(sharedName('engine', a) === sharedName('engine', b)).toBe(same);
    }),
  );
});

test.each<[string, unknown, RegExp]>([
  [
    'a Blob',
    { 'config.json': new Blob(['{}']) },
    /^model\.config\.json is an object \(Blob\); needed .*addresses/,
  ],
  ['a list of files', [new File(['{}'], 'config.json')], /^model\[0\] is an object \(File\); needed/],
  ['bytes', new Uint8Array(2), /^model is an object \(Uint8Array\); needed/],
])('%s cannot be shared', (_, model, message) => {
  const attempt = () => sharedName('engine', { model });
  expect(attempt).toThrow(SternaError);
  expect(attempt).toThrow(message);
});
