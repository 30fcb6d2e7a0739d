// Writes small ONNX files: the wire format of Protocol Buffers, and of its messages what a graph of weights needs. Anything may be written
// wrong on purpose.

/** TensorProto.DataType. */
export const DataType = { float: 1, int8: 3, int64: 7, float16: 10, double: 11, bfloat16: 16 };

/** An initialiser to write; fields are written in the order of their numbers, as most writers do. */
export interface WrittenInitialiser {
  readonly name: string;
  readonly dims: readonly (number | bigint)[];
  /** Default: float. */
  readonly type?: number;
  readonly raw?: Uint8Array;
  readonly floats?: readonly number[];
  /** `external_data`, with which `data_location` is EXTERNAL. */
  readonly external?: Readonly<Record<string, string>>;
}

export interface WrittenNode {
  readonly operator: string;
  readonly name?: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** An integer, a list of integers, or a tensor. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | Uint8Array>>;
}

/** An ONNX file: nodes, then initialisers. */
export function writeOnnx(
  nodes: readonly WrittenNode[],
  initialisers: readonly WrittenInitialiser[],
): Uint8Array<ArrayBuffer> {
  return writeModel(...nodes.map(writeNode), ...initialisers.map(writeInitialiser));
}

/** An ONNX file whose graph is of these fields, in their order. */
export function writeModel(...graph: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return join(integer(1, 8), text(2, 'test'), bytes(7, ...graph), bytes(8, text(1, ''), integer(2, 17)));
}

/** A field of a graph. */
export function writeNode(node: WrittenNode): Uint8Array {
  const { operator, name = '', domain = '', inputs, outputs, attributes = {} } = node;
  return bytes(
    1,
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, name),
    text(4, operator),
    ...Object.entries(attributes).map(([key, value]) => bytes(5, text(1, key), attribute(value))),
    text(7, domain),
  );
}

/** A field of a graph. */
export function writeInitialiser(initialiser: WrittenInitialiser): Uint8Array {
  return bytes(5, writeTensor(initialiser));
}

/** A TensorProto. */
export function writeTensor({
  name,
  dims,
  type = DataType.float,
  raw,
  floats,
  external,
}: WrittenInitialiser) {
  return join(
    ...dims.map((size) => integer(1, size)),
    integer(2, type),
    ...(floats ? [bytes(4, floatBytes(floats))] : []),
    text(8, name),
    ...(raw ? [bytes(9, raw)] : []),
    ...Object.entries(external ?? {}).map(([key, value]) => bytes(13, text(1, key), text(2, value))),
    ...(external ? [integer(14, 1)] : []),
  );
}

function attribute(value: number | readonly number[] | Uint8Array): Uint8Array {
  if (typeof value === 'number') return Number.isInteger(value) ? integer(3, value) : float(2, value);
  if (value instanceof Uint8Array) return bytes(5, value);
  return join(...value.map((one) => integer(8, one)));
}

/** A field with an integer of 64 bits. */
export function integer(field: number, value: number | bigint): Uint8Array {
  return join(varint(8 * field), varint(value));
}

/** A field with a number of 32 bits. */
export function float(field: number, value: number): Uint8Array {
  return join(varint(8 * field + 5), floatBytes([value]));
}

/** A field of bytes, which may be a message. */
export function bytes(field: number, ...content: readonly Uint8Array[]): Uint8Array {
  const whole = join(...content);
  return join(varint(8 * field + 2), varint(whole.length), whole);
}

/** A field of text. */
export function text(field: number, content: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(content));
}

/** Seven bits a byte, the lowest first. */
export function varint(value: number | bigint): Uint8Array {
  const digits: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    digits.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(digits);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Little-endian float32. */
export function floatBytes(values: readonly number[]): Uint8Array {
  const result = new Uint8Array(4 * values.length);
  const view = new DataView(result.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return result;
}
