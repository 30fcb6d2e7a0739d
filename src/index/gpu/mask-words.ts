import { SternaError } from '../../errors.ts';

/** The masks of some columns one after another, as the kernels read them. */
export interface MaskWords {
  /** Two words for each 64 rows of a column that has a mask. */
  readonly words: Uint32Array<ArrayBuffer>;
  /** First word of each column's mask; −1 where all its rows take part. */
  readonly starts: readonly number[];
  /** Rows that take part, in all columns. */
  readonly count: number;
}

/** @throws SternaError `invalid-input` for a mask that is shorter than its column. */
export function maskWords(columns: readonly { rows: number; mask?: Uint32Array }[]): MaskWords {
  const starts: number[] = [];
  let length = 0;
  for (const { rows, mask } of columns) {
    starts.push(mask ? length : -1);
    if (!mask) continue;
    if (mask.length < rows / 32) {
      throw new SternaError(
        'invalid-input',
        `A mask has ${mask.length} words and its column ${rows} rows; needed: ${Math.ceil(rows / 32)} words.`,
      );
    }
    length += 2 * Math.ceil(rows / 64);
  }
  const words = new Uint32Array(length);
  let count = 0;
  for (const [i, { rows, mask }] of columns.entries()) {
    count += mask ? copyMask(words, starts[i], mask, rows) : rows;
  }
  return { words, starts, count };
}

/** Copies the bits of the rows and returns how many are set. */
function copyMask(words: Uint32Array, start: number, mask: Uint32Array, rows: number): number {
  const whole = rows >> 5;
  words.set(mask.subarray(0, whole), start);
  if (rows & 31) words[start + whole] = mask[whole] & ((1 << (rows & 31)) - 1);
  let count = 0;
  for (let i = start; i < start + Math.ceil(rows / 32); i++) count += bitCount(words[i]);
  return count;
}

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
