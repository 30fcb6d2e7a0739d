import { ByteCursor, type ByteList } from './byte-list.ts';
import { MOST_COUNTED, type PostingBuffer } from './postings.ts';

/**
 * The rows of a term as bytes: for each, `varint(2 · gap + once)`, where the gap is the number of rows between it and the one before and `once` says
 * that the term occurs once in it; where it does not, `varint(frequency − 2)` follows.
 */
export function encodePostings({ rows, frequencies, count }: PostingBuffer, into: ByteList): void {
  let next = 0;
  for (let i = 0; i < count; i++) {
    const gap = rows[i] - next;
    const frequency = frequencies[i];
    next = rows[i] + 1;
    if (frequency === 1) into.varint(2 * gap + 1);
    else {
      into.varint(2 * gap);
      into.varint(frequency - 2);
    }
  }
}

/**
 * Reads what {@link encodePostings} has written.
 *
 * @param count - number of rows that the bytes are said to hold.
 * @param rowLimit - rows are below this.
 * @returns whether the bytes hold just that.
 */
export function decodePostings(
  bytes: Uint8Array,
  count: number,
  rowLimit: number,
  into: PostingBuffer,
): boolean {
  // Each row has a byte at least, so memory is in proportion to the bytes that are there.
  if (count > bytes.length || count > rowLimit) return false;
  into.reserve(count);
  const cursor = new ByteCursor(bytes);
  const { rows, frequencies } = into;
  let at = 0;
  let next = 0;
  for (let i = 0; i < count; i++) {
    // The first byte is read here, because for most rows it is the only one, and this is the innermost loop of a search.
    let code = bytes[at++];
    if (code > 0x7f) {
      cursor.at = at - 1;
      code = cursor.varint();
      at = cursor.at;
    }
    let frequency = 1;
    if ((code & 1) === 0) {
      cursor.at = at;
      frequency = cursor.varint() + 2;
      at = cursor.at;
    }
    const row = next + (code >>> 1);
    if (row >= rowLimit || frequency > MOST_COUNTED) return false;
    rows[i] = row;
    frequencies[i] = frequency;
    next = row + 1;
  }
  into.count = count;
  return at === bytes.length;
}
