/** The wire format of Protocol Buffers, as far as ONNX files need it, written. */

/** @param parts - bytes, and lists of such. @returns them one behind the other. */
export const message = (...parts) => Buffer.concat(parts.flat(Number.POSITIVE_INFINITY));

/** A whole number in groups of seven bits; negative ones as 64 bits, as the format wants it. */
export function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A field that holds a whole number. */
export const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);

/** What comes before the content of a field that holds bytes. */
export const prefix = (field, length) => Buffer.concat([varint((field << 3) | 2), varint(length)]);

/** A field that holds bytes, a text or a message. */
export function bytes(field, content) {
  const body = Buffer.from(content);
  return Buffer.concat([prefix(field, body.length), body]);
}
