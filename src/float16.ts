/** The value of a float16, from its 16 bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Float16 by rounding to nearest, ties to even; what is too large becomes the largest there is. */
export function toHalves(data: Float32Array): Uint16Array {
  const halves = new Uint16Array(data.length);
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < data.length; i++) halves[i] = toHalf(bits[i]);
  return halves;
}

function toHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size >= 0x477ff000) return sign | 0x7bff; // beyond 65,504
  if (size < 0x33000001) return sign; // below half of the least
  if (size < 0x38800000) {
    // Without a leading one: the fraction moves right by as many places as the exponent is too small.
    const shift = 126 - (size >>> 23);
    const fraction = (size & 0x7fffff) | 0x800000;
    return sign | roundShift(fraction, shift);
  }
  return sign | (roundShift(size, 13) - (112 << 10));
}

/** value / 2^shift, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const half = 2 ** (shift - 1);
  const rest = value % (2 * half);
  const whole = Math.floor(value / (2 * half));
  return rest > half || (rest === half && whole % 2 === 1) ? whole + 1 : whole;
}
