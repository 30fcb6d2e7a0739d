import { halfToFloat } from '../float16.ts';

/** Number types that weights may be stored in. */
export type WeightType = 'F32' | 'F16' | 'BF16';

/**
 * Bytes of one number, for the types of the safetensors format that have whole bytes. (Those of 4 and 6 bits are in no
 * encoder.)
 */
export const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  F8_E5M2FNUZ: 1,
  F8_E4M3FNUZ: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
};

export function isWeightType(dtype: string): dtype is WeightType {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** Every float16 as a float32, made when first needed: 65,536 values, 256 KiB. */
let halves: Float32Array | undefined;

function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits));
  return halves;
}

/**
 * Numbers of a stored type, read as float32 by position. Conversion is exact: every float16 and every bfloat16 is a
 * float32.
 */
export interface NumberReader {
  readonly length: number;
  /** Adds `count` numbers from `from` on to `target` from `at` on. */
  add(from: number, count: number, target: Float32Array, at: number): void;
  /** Copies numbers `from` … `from + count` into `target` from `at` on. */
  copy(from: number, count: number, target: Float32Array, at: number): void;
  /** Position of the first number that is NaN or infinite; −1 where there is none. */
  firstNotFinite(): number;
}

/** Position of the first number whose exponent, the bits under the mask, is all ones: NaN or infinity. */
function firstWithExponent(mask: number, bits: Uint16Array | Uint32Array): number {
  for (let i = 0; i < bits.length; i++) if ((bits[i] & mask) === mask) return i;
  return -1;
}

/** Reads the little-endian numbers in `bytes`. */
export function numberReader(bytes: Uint8Array, dtype: WeightType): NumberReader {
  if (dtype === 'F32') return new Floats(aligned(bytes, 4));
  const words = aligned(bytes, 2);
  const shorts = new Uint16Array(words.buffer, words.byteOffset, words.byteLength / 2);
  return dtype === 'F16' ? new Halves(shorts) : new BrainFloats(shorts);
}

/** `bytes` at an address that a typed array can have. */
function aligned(bytes: Uint8Array, alignment: number): Uint8Array {
  return bytes.byteOffset % alignment === 0 ? bytes : bytes.slice();
}

class Floats implements NumberReader {
  private readonly values: Float32Array;
  readonly length: number;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.values = new Float32Array(buffer, byteOffset, byteLength / 4);
    this.length = this.values.length;
  }

  add(from: number, count: number, target: Float32Array, at: number): void {
    for (let i = 0; i < count; i++) target[at + i] += this.values[from + i];
  }

  copy(from: number, count: number, target: Float32Array, at: number): void {
    target.set(this.values.subarray(from, from + count), at);
  }

  firstNotFinite(): number {
    const { buffer, byteOffset, length } = this.values;
    return firstWithExponent(0x7f800000, new Uint32Array(buffer, byteOffset, length));
  }
}

class Halves implements NumberReader {
  private readonly table = halfTable();
  readonly length: number;

  constructor(private readonly bits: Uint16Array) {
    this.length = bits.length;
  }

  add(from: number, count: number, target: Float32Array, at: number): void {
    for (let i = 0; i < count; i++) target[at + i] += this.table[this.bits[from + i]];
  }

  copy(from: number, count: number, target: Float32Array, at: number): void {
    for (let i = 0; i < count; i++) target[at + i] = this.table[this.bits[from + i]];
  }

  firstNotFinite(): number {
    return firstWithExponent(0x7c00, this.bits);
  }
}

/** bfloat16 is the upper half of a float32. */
class BrainFloats implements NumberReader {
  private readonly word = new Uint32Array(1);
  private readonly float = new Float32Array(this.word.buffer);
  readonly length: number;

  constructor(private readonly bits: Uint16Array) {
    this.length = bits.length;
  }

  add(from: number, count: number, target: Float32Array, at: number): void {
    for (let i = 0; i < count; i++) {
      this.word[0] = this.bits[from + i] << 16;
      target[at + i] += this.float[0];
    }
  }

  copy(from: number, count: number, target: Float32Array, at: number): void {
    const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < count; i++) words[at + i] = this.bits[from + i] << 16;
  }

  firstNotFinite(): number {
    return firstWithExponent(0x7f80, this.bits);
  }
}
