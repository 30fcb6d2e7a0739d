/** Fields of a structure by number: whole numbers and structures; of strings, lists and floats only that they were well-formed. */
export type ThriftFields = ReadonlyMap<number, number | ThriftFields>;

function checkDepth(depth: number): void {
  if (depth > MOST_DEPTH) throw new RangeError(`structures are nested deeper than ${MOST_DEPTH}`);
}

/** Deepest nesting in a Parquet file: a footer has six levels. */
const MOST_DEPTH = 16;

/**
 * A structure in Thrift's compact protocol, read so that nothing is allocated for what the bytes only claim to have. A package that reads the same
 * bytes afterwards can trust their lengths.
 *
 * @throws RangeError where the bytes are not well-formed.
 */
export function readThrift(bytes: Uint8Array, start = 0): { fields: ThriftFields; end: number } {
  let at = start;

  function byte(): number {
    if (at >= bytes.length) throw new RangeError('a structure ends too early');
    return bytes[at++];
  }

  function varint(): number {
    let value = 0;
    for (let power = 1, left = 10; left > 0; left--, power *= 128) {
      const next = byte();
      value += (next & 0x7f) * power;
      if (next < 0x80) return value;
    }
    throw new RangeError('a number has more than ten bytes');
  }

  function zigzag(): number {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  function skip(length: number): void {
    if (length > bytes.length - at) throw new RangeError(`${length} bytes of ${bytes.length - at} are used`);
    at += length;
  }

  function list(depth: number): void {
    checkDepth(depth);
    const head = byte();
    const size = head >> 4 === 15 ? varint() : head >> 4;
    if (size > bytes.length - at) throw new RangeError(`a list of ${size} in ${bytes.length - at} bytes`);
    const type = head & 15;
    for (let i = 0; i < size; i++) {
      if (type === 1 || type === 2) byte();
      else value(type, depth);
    }
  }

  function value(type: number, depth: number): number | ThriftFields | undefined {
    switch (type) {
      case 1:
      case 2:
        return 2 - type;
      case 3:
        return (byte() << 24) >> 24;
      case 4:
      case 5:
      case 6:
        return zigzag();
      case 7:
        return skip(8) as undefined;
      case 8:
        return skip(varint()) as undefined;
      case 9:
        return list(depth + 1) as undefined;
      case 12:
        return struct(depth + 1);
      default:
        throw new RangeError(`a field has type ${type}`);
    }
  }

  function struct(depth: number): ThriftFields {
    checkDepth(depth);
    const fields = new Map<number, number | ThriftFields>();
    for (let id = 0, head = byte(); (head & 15) !== 0; head = byte()) {
      id = head >> 4 === 0 ? zigzag() : id + (head >> 4);
      const field = value(head & 15, depth);
      if (field !== undefined) fields.set(id, field);
    }
    return fields;
  }

  const fields = struct(0);
  return { fields, end: at };
}
