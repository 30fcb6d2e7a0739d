import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sha256 } from './sha256.ts';

const known = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('bytes in any pieces have the hash that the platform gives them', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), (pieces) => {
      const sha = new Sha256();
      for (const piece of pieces) sha.update(piece);
      expect(sha.digest()).toBe(known(Uint8Array.from(pieces.flatMap((piece) => [...piece]))));
    }),
  );
});

test.each([55, 56, 63, 64, 65, 119, 120, 1_000_003])(
  '%i bytes, where the padding changes its shape',
  (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) >> 3);
    expect(new Sha256().update(bytes).digest()).toBe(known(bytes));
  },
);

test('a saved state goes on as if nothing had happened', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(500), (bytes, cut) => {
      const first = new Sha256().update(bytes.subarray(0, cut));
      const second = Sha256.restore(first.save());
      expect(second?.length).toBe(first.length);
      expect(second?.update(bytes.subarray(cut)).digest()).toBe(known(bytes));
    }),
  );
});

test.each(['', 'x', '64 00', `1 ${'0'.repeat(64)}`, `x ${'0'.repeat(64)}`, `1 ${'g'.repeat(64)} 00`])(
  'the text %j is no state',
  (saved) => {
    expect(Sha256.restore(saved)).toBeUndefined();
  },
);
