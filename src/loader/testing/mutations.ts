/**
 * Damaged versions of some bytes, seeded: bits flipped, bytes set to telling values, pieces cut out, doubled, moved, and ends cut off; one to
 * four of these at a time.
 */
export function* mutations(valid: Uint8Array, count: number, seed = 1): Generator<Uint8Array<ArrayBuffer>> {
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  };
  for (let i = 0; i < count; i++) {
    let bytes = valid.slice();
    for (let left = 1 + below(4); left > 0 && bytes.length > 0; left--) bytes = mutated(bytes, below);
    yield bytes;
  }
}

/** Bytes that mean something: numbers at their ends, and the signs of JSON. */
const TELLING = [0, 1, 0x7f, 0x80, 0xff, ...new TextEncoder().encode('"\\{}[]:,-9e. ')];

function mutated(bytes: Uint8Array<ArrayBuffer>, below: (limit: number) => number): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length);
  const length = Math.min(1 + below(16), bytes.length - at);
  const piece = bytes.slice(at, at + length);
  const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
  switch (below(6)) {
    case 0:
      bytes[at] ^= 1 << below(8);
      return bytes;
    case 1:
      bytes[at] = TELLING[below(TELLING.length)];
      return bytes;
    case 2:
      return join(bytes.subarray(0, at), bytes.subarray(at + length));
    case 3:
      return join(bytes.subarray(0, at), piece, bytes.subarray(at));
    case 4: {
      bytes.set(piece, below(bytes.length - length + 1));
      return bytes;
    }
    default:
      return bytes.slice(0, at);
  }
}
