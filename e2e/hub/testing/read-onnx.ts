/** A node of an ONNX graph. */
export interface ReadNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The bytes of a constant's tensor. */
  readonly constant?: Uint8Array;
}

/** An initialiser of an ONNX graph. */
export interface ReadInitialiser {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  /** Its bytes, where they are in the file. */
  readonly data?: Uint8Array;
  /** Where they are otherwise. */
  readonly external: Readonly<Record<string, string>>;
}

type Field = { readonly number: number; readonly value: bigint | Uint8Array };

/** The nodes and the initialisers of an ONNX file. */
export function readOnnx(file: Uint8Array): { nodes: ReadNode[]; initialisers: ReadInitialiser[] } {
  const graph = inside(fieldsOf(file), 7)[0];
  const fields = fieldsOf(graph);
  return { nodes: inside(fields, 1).map(readNode), initialisers: inside(fields, 5).map(readTensor) };
}

function readNode(bytes: Uint8Array): ReadNode {
  const fields = fieldsOf(bytes);
  const tensors = inside(fields, 5).flatMap((attribute) => inside(fieldsOf(attribute), 5));
  return {
    name: texts(fields, 3)[0] ?? '',
    operator: texts(fields, 4)[0],
    inputs: texts(fields, 1),
    outputs: texts(fields, 2),
    constant: tensors.map(readTensor)[0]?.data,
  };
}

function readTensor(bytes: Uint8Array): ReadInitialiser {
  const fields = fieldsOf(bytes);
  const integers = (number: number) =>
    fields.filter((field) => field.number === number).map(({ value }) => Number(value));
  const entries = inside(fields, 13).map((entry) => {
    const pair = fieldsOf(entry);
    return [texts(pair, 1)[0], texts(pair, 2)[0]];
  });
  return {
    name: texts(fields, 8)[0] ?? '',
    shape: integers(1),
    type: integers(2)[0],
    data: inside(fields, 9)[0],
    external: Object.fromEntries(entries),
  };
}

function inside(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.filter((field) => field.number === number).map(({ value }) => value as Uint8Array);
}

function texts(fields: readonly Field[], number: number): string[] {
  return inside(fields, number).map((bytes) => new TextDecoder().decode(bytes));
}

/** The fields of a message: whole numbers, and what has a length; others are passed over. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const number = key >> 3;
    if ((key & 7) === 0) fields.push({ number, value: varint() });
    else if ((key & 7) === 2) {
      const length = Number(varint());
      fields.push({ number, value: bytes.subarray(at, at + length) });
      at += length;
    } else at += (key & 7) === 5 ? 4 : 8;
  }
  return fields;
}
