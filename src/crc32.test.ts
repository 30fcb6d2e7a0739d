import { crc32 as reference } from 'node:zlib';
import fc from 'fast-check';
import { test } from 'vitest';
import { crc32 } from './crc32.ts';

test('is the CRC-32 that zip has', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => crc32(bytes) === reference(bytes)));
});
