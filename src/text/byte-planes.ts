/**
 * Bytes of words, each word's first byte first, then each one's second, and so on: the high bytes of numbers that are alike lie together, and
 * compress to little.
 *
 * @param width - bytes of a word, of which `bytes` is a multiple.
 */
export function toPlanes(bytes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const count = bytes.length / width;
  const planes = new Uint8Array(bytes.length);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < width; k++) planes[k * count + i] = bytes[width * i + k];
  }
  return planes;
}

/** Undoes {@link toPlanes}. */
export function fromPlanes(planes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const count = planes.length / width;
  const bytes = new Uint8Array(planes.length);
  for (let k = 0; k < width; k++) {
    for (let i = 0; i < count; i++) bytes[width * i + k] = planes[k * count + i];
  }
  return bytes;
}

/** `[numbers]` the differences of neighbours, small ones of either sign as small numbers, in planes. */
export function toDeltaPlanes(numbers: Int32Array): Uint8Array<ArrayBuffer> {
  const folded = new Uint32Array(numbers.length);
  let before = 0;
  for (const [i, number] of numbers.entries()) {
    const delta = (number - before) | 0;
    folded[i] = (delta << 1) ^ (delta >> 31);
    before = number;
  }
  return toPlanes(new Uint8Array(folded.buffer), 4);
}

/** Undoes {@link toDeltaPlanes}. */
export function fromDeltaPlanes(planes: Uint8Array): Int32Array<ArrayBuffer> {
  const count = planes.length / 4;
  const numbers = new Int32Array(count);
  let number = 0;
  for (let i = 0; i < count; i++) {
    const folded =
      planes[i] | (planes[count + i] << 8) | (planes[2 * count + i] << 16) | (planes[3 * count + i] << 24);
    number = (number + ((folded >>> 1) ^ -(folded & 1))) | 0;
    numbers[i] = number;
  }
  return numbers;
}
