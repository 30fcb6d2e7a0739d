/** A tensor to write: its numbers as they lie in the file, little-endian. */
export interface WrittenTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * A safetensors file of tensors, in the order given.
 *
 * @param metadata - goes into `__metadata__`.
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, WrittenTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = metadata ? [['__metadata__', metadata]] : [];
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    entries.push([name, { dtype, shape, data_offsets: [at, at + data.length] }]);
    parts.push(data);
    at += data.length;
  }
  return frame(JSON.stringify(Object.fromEntries(entries)), ...parts);
}

/**
 * Any header, true or not, with its length before it and data after it.
 */
export function frame(header: string | Uint8Array, ...data: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return concat(length, text, ...data);
}

/** Float32 numbers as bytes. */
export function f32(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
