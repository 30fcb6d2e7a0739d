import { crc32 } from '../../crc32.ts';

/**
 * A frame is how bytes of one meaning lie in a file that may end anywhere: `u32` length, `u32` CRC-32 of the payload and of the
 * length, payload. Whoever reads it knows whether all of it is there.
 */
export const FRAME_HEADER = 8;

/** @returns the frame of a payload. */
export function frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEADER + payload.length);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, payload.length, true);
  header.setUint32(4, checksum(payload), true);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

/** The payload of the frame at `start`, as a view; nothing where no whole frame is there. */
export function unframe(bytes: Uint8Array, start: number): Uint8Array | undefined {
  const at = start + FRAME_HEADER;
  if (at > bytes.length) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset + start, FRAME_HEADER);
  const length = header.getUint32(0, true);
  if (at + length > bytes.length) return undefined;
  const payload = bytes.subarray(at, at + length);
  return header.getUint32(4, true) === checksum(payload) ? payload : undefined;
}

/** An empty payload has none of zero: a file that ends in zeros, as some do after a power cut, holds no frames there. */
function checksum(payload: Uint8Array): number {
  return (crc32(payload) ^ Math.imul(payload.length + 1, 0x9e3779b1)) >>> 0;
}
