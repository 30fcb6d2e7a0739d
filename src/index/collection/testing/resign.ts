import { crc32 } from '../../../crc32.ts';

const PAGE = 2 ** 16;

/** Gives a segment's bytes the checksums of what they are now, as somebody would who wants them to be read. */
export function resigned(bytes: Uint8Array): Uint8Array {
  const signed = bytes.slice();
  const words = new DataView(signed.buffer);
  const footer = signed.length - 16;
  const rest = footer - words.getUint32(footer, true);
  const pages = Math.ceil(rest / (PAGE + 4));
  const end = rest - 4 * pages;
  if (rest < 0 || end < 0) return signed;
  for (let page = 0; page < pages; page++) {
    const checksum = crc32(signed.subarray(page * PAGE, Math.min(end, (page + 1) * PAGE)));
    words.setUint32(end + 4 * page, checksum, true);
  }
  words.setUint32(footer + 4, crc32(signed.subarray(end, footer)), true);
  return signed;
}
