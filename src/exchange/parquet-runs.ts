/**
 * Walks over the encodings of a Parquet page that name counts, without unpacking anything: a run of a billion values takes five bytes. All throw
 * RangeError.
 */

/** Values beyond the last one that a packed group may have: groups are filled up to eight, by some writers to more. */
const SLACK = 512;

/** A number of at most five bytes. */
function varint(bytes: Uint8Array, at: number, end: number): { value: number; at: number } {
  let value = 0;
  for (let power = 1, i = 0; i < 5; i++, power *= 128) {
    if (at >= end) throw new RangeError('a run ends too early');
    const next = bytes[at++];
    value += (next & 0x7f) * power;
    if (next < 0x80) return { value, at };
  }
  throw new RangeError('a run has a number of more than five bytes');
}

/**
 * Runs of equal and packed values of `width` bits.
 *
 * @param isExact - whether there are `values` of them; otherwise there may be fewer, but nothing follows before `end`.
 */
export function checkRuns(
  bytes: Uint8Array,
  start: number,
  end: number,
  width: number,
  values: number,
  isExact: boolean,
): void {
  if (start < 0 || end > bytes.length || start > end) throw new RangeError('runs lie outside of their page');
  if (width > 32) throw new RangeError(`values have ${width} bits`);
  let seen = 0;
  for (let at = start; seen < values && at < end; ) {
    const head = varint(bytes, at, end);
    const isPacked = head.value % 2 === 1;
    const count = isPacked ? 4 * (head.value - 1) : head.value / 2;
    if (count > values - seen + (isPacked ? SLACK : 0))
      throw new RangeError(`a run of ${count} values where ${values} are`);
    at = head.at + (isPacked ? (count / 8) * width : (width + 7) >> 3);
    seen += count;
  }
  if (isExact && seen < values) throw new RangeError(`runs of ${seen} values where ${values} are`);
}

/**
 * Blocks of differences.
 *
 * @param most - there may be fewer.
 * @returns where they end.
 */
export function checkDeltas(bytes: Uint8Array, start: number, most: number): number {
  const end = bytes.length;
  const block = varint(bytes, start, end);
  const parts = varint(bytes, block.at, end);
  const total = varint(bytes, parts.at, end);
  const perPart = block.value / parts.value;
  if (!(block.value <= 1 << 20) || !(parts.value <= 512) || !Number.isInteger(perPart) || perPart % 8 !== 0)
    throw new RangeError(`blocks of ${block.value} differences in ${parts.value} parts`);
  if (total.value > most) throw new RangeError(`${total.value} differences where ${most} values are`);
  let at = longNumber(bytes, total.at);
  for (let seen = 1; seen < total.value; ) {
    at = longNumber(bytes, at);
    const widths = bytes.subarray(at, at + parts.value);
    if (widths.length < parts.value) throw new RangeError('a block ends too early');
    at += parts.value;
    for (let part = 0; part < parts.value && seen < total.value; part++, seen += perPart) {
      if (widths[part] > 64) throw new RangeError(`differences of ${widths[part]} bits`);
      at += (widths[part] * perPart) / 8;
    }
  }
  return at;
}

/** Where a number of at most ten bytes ends. */
function longNumber(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 10; i++) if (at + i < bytes.length && bytes[at + i] < 0x80) return at + i + 1;
  throw new RangeError('a number has more than ten bytes');
}
