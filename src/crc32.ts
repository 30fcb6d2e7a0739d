/**
 * Remainders of each byte under the polynomial of CRC-32 (IEEE 802.3, reflected), made when first needed: `[16, 256]`, the ones of bytes
 * that 0, 1, … 15 others follow.
 */
let tables: Uint32Array | undefined;

function remainders(): Uint32Array {
  if (tables) return tables;
  tables = new Uint32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++)
      remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    tables[byte] = remainder;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256];
    tables[at] = (before >>> 8) ^ tables[before & 0xff];
  }
  return tables;
}

/**
 * CRC-32 of bytes, as zip and PNG have it: finds every burst of damage up to 32 bits long. It takes 16 bytes at a time.
 *
 * @param before - the CRC-32 of what is ahead of them. Default: there is nothing.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  const t = remainders();
  let crc = ~before;
  let i = 0;
  for (const end = bytes.length - 15; i < end; i += 16) {
    crc =
      t[0xf00 | ((crc ^ bytes[i]) & 0xff)] ^
      t[0xe00 | (((crc >>> 8) ^ bytes[i + 1]) & 0xff)] ^
      t[0xd00 | (((crc >>> 16) ^ bytes[i + 2]) & 0xff)] ^
      t[0xc00 | ((crc >>> 24) ^ bytes[i + 3])] ^
      t[0xb00 | bytes[i + 4]] ^
      t[0xa00 | bytes[i + 5]] ^
      t[0x900 | bytes[i + 6]] ^
      t[0x800 | bytes[i + 7]] ^
      t[0x700 | bytes[i + 8]] ^
      t[0x600 | bytes[i + 9]] ^
      t[0x500 | bytes[i + 10]] ^
      t[0x400 | bytes[i + 11]] ^
      t[0x300 | bytes[i + 12]] ^
      t[0x200 | bytes[i + 13]] ^
      t[0x100 | bytes[i + 14]] ^
      t[bytes[i + 15]];
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}
