/**
 * Random numbers by position: element i of a tensor is a hash of i and the tensor's seed, so any of them is made without the
 * others. Uniform in `offset` ± `scale`, rounded to float32.
 */

/**
 * @typedef {object} RandomTensor
 * @property {string} name
 * @property {readonly number[]} shape
 * @property {number} seed
 * @property {number} scale
 * @property {number} offset
 */

/** Elements that are made at a time: few enough to stay in the processor's cache. */
const BLOCK = 16384;

const floats = new Float32Array(BLOCK);
const floatBits = new Uint32Array(floats.buffer);
const halves = new Uint16Array(BLOCK);
const floatBytes = new Uint8Array(floats.buffer);
const halfBytes = new Uint8Array(halves.buffer);

/** Elements of a tensor. */
export const countOf = ({ shape }) => shape.reduce((product, size) => product * size, 1);

/** A whole number of 32 bits for a text. */
export function seedOf(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/**
 * Elements `first` … of a tensor in the order of its rows, `step` apart, into `target` from `at` on.
 *
 * @param {RandomTensor} tensor
 */
export function fill(target, at, count, { seed, scale, offset }, first, step = 1) {
  const factor = scale / 2 ** 31;
  for (let i = 0, index = first; i < count; i++, index += step) {
    target[at + i] = offset + factor * mix(Math.imul(index, 0x9e3779b1) + seed);
  }
}

/** Whole numbers of 32 bits in, as if thrown by dice out (the last step of MurmurHash3). */
function mix(value) {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * The bytes of a tensor in a file.
 *
 * @param {RandomTensor} tensor - `[rows, columns]` where it is transposed.
 * @param {{ half?: boolean, transposed?: boolean }} [form] - float16 in place of float32; `[columns, rows]`.
 * @returns {import('./hub-file.mjs').Segment}
 */
export function weightSegment(tensor, { half = false, transposed = false } = {}) {
  const bytesEach = half ? 2 : 4;
  const length = bytesEach * countOf(tensor);
  const block = half ? halfBytes : floatBytes;
  return {
    length,
    write(target, from) {
      const end = from + target.length;
      for (let at = from; at < end; ) {
        const first = Math.floor(at / bytesEach);
        const count = Math.min(BLOCK, Math.ceil(end / bytesEach) - first);
        if (transposed) fillTransposed(tensor, first, count);
        else fill(floats, 0, count, tensor, first);
        if (half) roundToHalves(count);
        const begin = at - first * bytesEach;
        const stop = Math.min(count * bytesEach, begin + end - at);
        target.set(block.subarray(begin, stop), at - from);
        at += stop - begin;
      }
    },
  };
}

function fillTransposed(tensor, first, count) {
  const [rows, columns] = tensor.shape;
  for (let at = 0; at < count; ) {
    const column = Math.floor((first + at) / rows);
    const row = (first + at) % rows;
    const run = Math.min(count - at, rows - row);
    fill(floats, at, run, tensor, row * columns + column, columns);
    at += run;
  }
}

/** float32 → float16, to the nearest, ties to even; for numbers below 65504. */
function roundToHalves(count) {
  for (let i = 0; i < count; i++) {
    const bits = floatBits[i];
    const sign = (bits >>> 16) & 0x8000;
    const size = bits & 0x7fffffff;
    // Below 2⁻¹⁴ halves are 2⁻²⁴ apart.
    const half =
      size >= 0x38800000
        ? (size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13
        : roundToEven(Math.abs(floats[i]) * 2 ** 24);
    halves[i] = sign | half;
  }
}

function roundToEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Numbers as float16 or float32, little-endian. */
export function numbersOf(values, half) {
  const bytes = new Uint8Array(values.length * (half ? 2 : 4));
  for (let at = 0; at < values.length; at += BLOCK) {
    const count = Math.min(BLOCK, values.length - at);
    for (let i = 0; i < count; i++) floats[i] = values[at + i];
    if (half) roundToHalves(count);
    bytes.set(
      half ? halfBytes.subarray(0, 2 * count) : floatBytes.subarray(0, 4 * count),
      at * (half ? 2 : 4),
    );
  }
  return bytes;
}
