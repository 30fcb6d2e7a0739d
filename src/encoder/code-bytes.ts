/** Whole numbers and their scales as bytes: what packs store, see stored-form.ts. */

/** `[numbers]` from bytes; of two in a byte the even one is in the low half. */
export function codesOfBytes(bytes: Uint8Array, bits: 4 | 8): Int8Array {
  if (bits === 8) return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const codes = new Int8Array(2 * bytes.length);
  codesOfRow(bytes, 0, bits, codes);
  return codes;
}

/** Fills `codes` from `bytes[begin …]`. */
export function codesOfRow(bytes: Uint8Array, begin: number, bits: 4 | 8, codes: Int8Array): void {
  if (bits === 8) {
    for (let i = 0; i < codes.length; i++) codes[i] = bytes[begin + i];
    return;
  }
  for (let i = 0; i < codes.length; i += 2) {
    const byte = bytes[begin + i / 2];
    codes[i] = (byte << 28) >> 28;
    codes[i + 1] = (byte << 24) >> 28;
  }
}

/** Writes codes as bytes to `target[at …]`. */
export function putCodes(codes: Int8Array, bits: 4 | 8, target: Uint8Array, at: number): void {
  if (bits === 8) {
    target.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.length), at);
    return;
  }
  for (let i = 0; i < codes.length; i += 2) target[at + i / 2] = (codes[i] & 15) | ((codes[i + 1] & 15) << 4);
}

/** Codes as bytes; of 8 bits they are the same memory. */
export function bytesOfCodes(codes: Int8Array, bits: 4 | 8): Uint8Array {
  if (bits === 8) return new Uint8Array(codes.buffer, codes.byteOffset, codes.length);
  const bytes = new Uint8Array(codes.length / 2);
  putCodes(codes, bits, bytes, 0);
  return bytes;
}

/** bfloat16 as float32: their upper halves. */
export function scalesOfBytes(bytes: Uint8Array): Float32Array {
  const words = new Uint32Array(bytes.length / 2);
  for (let i = 0; i < words.length; i++) words[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24);
  return new Float32Array(words.buffer);
}

/** Scales that are bfloat16 as their bytes. */
export function putScales(scales: Float32Array, target: Uint8Array, at: number): void {
  const words = new Uint32Array(scales.buffer, scales.byteOffset, scales.length);
  for (let i = 0; i < words.length; i++) {
    target[at + 2 * i] = words[i] >>> 16;
    target[at + 2 * i + 1] = words[i] >>> 24;
  }
}
