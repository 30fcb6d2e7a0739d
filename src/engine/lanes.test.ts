import { expect, test } from 'vitest';
import type { Device, Precision as NamedPrecision } from '../types.ts';
import { lanesFor, nameOfLane } from './lanes.ts';

type Precision = NamedPrecision | 'auto';

const names = (device: Device, precision: Precision) =>
  lanesFor(device, precision).map((lanes) =>
    lanes
      .filter(({ plain }) => !plain)
      .map(nameOfLane)
      .join(' > '),
  );

test.each<[Device, Precision, string[]]>([
  ['auto', 'f32', ['webgpu in f32', 'wasm in f32']],
  ['auto', 'auto', ['webgpu in f16 > webgpu in f32', 'wasm in q8 > wasm in f32']],
  ['auto', 'f16', ['webgpu in f16 > webgpu in f32', 'wasm in f32']],
  ['auto', 'q8', ['webgpu in q8', 'wasm in q8']],
  ['auto', 'q4', ['webgpu in q4', 'wasm in q4']],
  ['webgpu', 'auto', ['webgpu in f16 > webgpu in f32']],
  ['webgpu', 'f16', ['webgpu in f16']],
  ['wasm', 'auto', ['wasm in q8 > wasm in f32']],
  ['reference', 'auto', ['reference in f32']],
  ['reference', 'q4', ['reference in q4']],
])('device %s and precision %s are tried as %j', (device, precision, expected) => {
  expect(names(device, precision)).toEqual(expected);
});

test('relaxed SIMD steps down to plain SIMD before another precision', () => {
  expect(lanesFor('wasm', 'auto')[0].map(nameOfLane)).toEqual([
    'wasm in q8',
    'wasm in q8, plain SIMD',
    'wasm in f32',
    'wasm in f32, plain SIMD',
  ]);
});

test('a precision that a device does not have is refused, with the devices that have it', () => {
  expect(() => lanesFor('wasm', 'f16')).toThrow(
    /precision is "f16" on device "wasm"; needed for it: device "webgpu" or "reference"/,
  );
});
