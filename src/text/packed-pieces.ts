import type { ByteReader, ByteWriter } from './byte-list.ts';
import { fromPlanes, toPlanes } from './byte-planes.ts';
import { Vocabulary } from './vocabulary.ts';

/** Lengths from here on do not fit into half a byte, and continue elsewhere. */
const LONG = 15;

/** UTF-16 units that the pieces of a vocabulary may have together; XLM-R's have 1.4 million. */
export const MOST_UNITS = 2 ** 25;

/**
 * Writes the pieces of a vocabulary in the order of their UTF-16 units, each as what differs from the one before it:
 *
 * ```
 *   sorted      shared, new      head     units       id
 *   ▁ab           0       3      0x03     ▁ a b        8
 *   ▁abc          3       1      0x31           c     40
 *   ▁abd          3       1      0x31           d     12
 * ```
 *
 * The ids tell the order that the pieces had; they take as many bits as the largest one. That is half the size of pieces in the order of
 * their ids, because what is shared is gone, and the ids cost less.
 */
export function writePieces(writer: ByteWriter, vocabulary: Vocabulary): void {
  const { size, starts } = vocabulary;
  const pieces = Array.from({ length: size }, (_, id) => vocabulary.piece(id)!);
  const order = Uint32Array.from(pieces.keys()).sort((a, b) =>
    pieces[a] < pieces[b] ? -1 : pieces[a] > pieces[b] ? 1 : a - b,
  );
  const heads = new Uint8Array(size);
  const units = new Uint16Array(starts[size]);
  let fresh = 0;
  let before = '';
  const long: number[] = [];
  for (const [i, id] of order.entries()) {
    const piece = pieces[id];
    const shared = sharedLength(before, piece);
    const rest = piece.length - shared;
    heads[i] = (Math.min(shared, LONG) << 4) | Math.min(rest, LONG);
    for (const length of [shared, rest]) if (length >= LONG) long.push(length - LONG);
    for (let k = shared; k < piece.length; k++) units[fresh++] = piece.charCodeAt(k);
    before = piece;
  }
  writer.word(starts[size]);
  writer.word(fresh);
  writer.all(heads);
  for (const length of long) writer.varint(length);
  writer.all(toPlanes(new Uint8Array(units.buffer, 0, 2 * fresh), 2));
  writer.all(packBits(order, bitsOf(size)));
}

/**
 * Reads what {@link writePieces} wrote. All scores are 0.
 *
 * @param size - how many pieces there are.
 * @throws RangeError where they are not such.
 */
export function readPieces(reader: ByteReader, size: number): Vocabulary {
  const total = reader.word();
  const fresh = reader.word();
  if (total > MOST_UNITS) throw new RangeError(`pieces have ${total} units; at most: ${MOST_UNITS}`);
  const { shared, lengths } = readLengths(reader, size, total, fresh);
  const rests = new Uint16Array(fromPlanes(reader.all(2 * fresh), 2).buffer);
  const width = bitsOf(size);
  const order = unpackBits(reader.all(Math.ceil((size * width) / 8)), size, width);

  const vocabulary = Vocabulary.ofLengths(lengthsById(order, lengths));
  const { starts, units } = vocabulary;
  let next = 0;
  let before = 0;
  for (let i = 0; i < size; i++) {
    const start = starts[order[i]];
    const fork = start + shared[i];
    const end = start + lengths[i];
    let at = start;
    for (let from = before; at < fork; ) units[at++] = units[from++];
    while (at < end) units[at++] = rests[next++];
    before = start;
  }
  return vocabulary;
}

/** `[size]` units that each piece shares with the one before it, and all that it has. */
function readLengths(reader: ByteReader, size: number, total: number, fresh: number) {
  const heads = reader.all(size);
  const shared = new Uint32Array(size);
  const lengths = new Uint32Array(size);
  let units = 0;
  let rests = 0;
  for (let i = 0; i < size; i++) {
    const head = heads[i];
    const common = head >> 4 === LONG ? LONG + reader.varint() : head >> 4;
    const rest = (head & LONG) === LONG ? LONG + reader.varint() : head & LONG;
    if (common > (i > 0 ? lengths[i - 1] : 0))
      throw new RangeError('a piece shares more than the one before it has');
    shared[i] = common;
    lengths[i] = common + rest;
    units += common + rest;
    rests += rest;
    if (units > total) break;
  }
  if (units !== total || rests !== fresh) throw new RangeError('the lengths of pieces do not add up');
  return { shared, lengths };
}

/** Lengths in the order of ids, each of which must be there once. */
function lengthsById(order: Uint32Array, lengths: Uint32Array): Uint32Array {
  const size = order.length;
  const byId = new Uint32Array(size);
  const seen = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    const id = order[i];
    if (id >= size || seen[id]) throw new RangeError('an id is there twice');
    seen[id] = 1;
    byId[id] = lengths[i];
  }
  return byId;
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** Bits of the largest of `size` ids. */
function bitsOf(size: number): number {
  return 32 - Math.clz32(Math.max(size - 1, 0));
}

/** Numbers of `width` ≤ 24 bits, the lowest bits first. */
function packBits(numbers: Uint32Array, width: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((numbers.length * width) / 8));
  let pending = 0;
  let count = 0;
  let at = 0;
  for (const number of numbers) {
    pending |= number << count;
    for (count += width; count >= 8; count -= 8) {
      bytes[at++] = pending;
      pending >>>= 8;
    }
  }
  if (count > 0) bytes[at] = pending;
  return bytes;
}

function unpackBits(bytes: Uint8Array, size: number, width: number): Uint32Array {
  const numbers = new Uint32Array(size);
  const mask = 2 ** width - 1;
  let pending = 0;
  let count = 0;
  let at = 0;
  for (let i = 0; i < size; i++) {
    for (; count < width; count += 8) pending |= bytes[at++] << count;
    numbers[i] = pending & mask;
    pending >>>= width;
    count -= width;
  }
  return numbers;
}
