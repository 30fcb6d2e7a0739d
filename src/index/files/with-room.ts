/** Most bytes that are made room for beyond those that are needed. */
const MOST_SPARE = 2 ** 24;

/**
 * Memory of a file with room up to `end`: the same where it has that, else a copy of its first `size` bytes with room for more, so that a file which
 * grows by little is not copied each time.
 */
export function withRoom(bytes: Uint8Array<ArrayBuffer>, size: number, end: number): Uint8Array<ArrayBuffer> {
  if (end <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(end, Math.min(2 * bytes.length, end + MOST_SPARE)));
  larger.set(bytes.subarray(0, size));
  return larger;
}
