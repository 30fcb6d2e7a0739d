import type { Output, OutputArrays } from '../types.ts';

/** Bytes of one vector. */
export function bytesPerVector(output: Output, dimensions: number): number {
  if (output === 'float32') return 4 * dimensions;
  if (output === 'int8') return dimensions;
  return Math.ceil(dimensions / (output === 'int4' ? 2 : 8));
}

/**
 * The vectors of a batch in a number type, as views of one buffer that holds them one after another.
 *
 * @param buffer - `bytesPerVector · count` bytes.
 */
export function vectorViews<O extends Output>(
  buffer: ArrayBuffer,
  output: O,
  dimensions: number,
): OutputArrays[O][] {
  const step = bytesPerVector(output, dimensions);
  const view = (at: number) => {
    if (output === 'float32') return new Float32Array(buffer, at, dimensions);
    return output === 'int8' ? new Int8Array(buffer, at, step) : new Uint8Array(buffer, at, step);
  };
  return Array.from({ length: buffer.byteLength / step }, (_, i) => view(i * step) as OutputArrays[O]);
}

/**
 * Writes a unit vector in a number type.
 *
 * int8 and int4 take the vector's own largest size as the end of their range, so that none is clipped and a
 * vector's code does not depend on any other; cosine between codes needs no scale.
 *
 * @param vector - `[dimensions]`, unit length.
 * @param bytes - `[bytesPerVector]`, zeros; written.
 * @returns the scale: float ≈ integer × scale; 1 for float32 and binary.
 */
export function quantise(vector: Float32Array, output: Output, bytes: Uint8Array): number {
  switch (output) {
    case 'float32':
      bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
      return 1;
    case 'int8': {
      const scale = largest(vector) / 127;
      for (let i = 0; i < vector.length; i++) bytes[i] = Math.round(vector[i] / scale);
      return scale;
    }
    case 'int4': {
      const scale = largest(vector) / 7;
      for (let i = 0; i < vector.length; i++) {
        bytes[i >> 1] |= (Math.round(vector[i] / scale) & 0xf) << (i % 2 === 0 ? 0 : 4);
      }
      return scale;
    }
    case 'binary':
      for (let i = 0; i < vector.length; i++) if (vector[i] > 0) bytes[i >> 3] |= 0x80 >> (i & 7);
      return 1;
  }
}

/** The largest absolute value; 1 for a vector of zeros, whose codes are zeros at any scale. */
function largest(vector: Float32Array): number {
  let most = 0;
  for (const value of vector) most = Math.max(most, Math.abs(value));
  return most || 1;
}
