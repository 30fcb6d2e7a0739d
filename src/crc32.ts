/** Remainders of each byte under the polynomial of CRC-32 (IEEE 802.3, reflected), made when first needed. */
let table: Uint32Array | undefined;

function remainders(): Uint32Array {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++)
      remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    return remainder;
  });
  return table;
}

/** CRC-32 of bytes, as zip and PNG have it: finds every burst of damage up to 32 bits long. */
export function crc32(bytes: Uint8Array): number {
  const byByte = remainders();
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ byByte[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}
