import { SternaError } from '../../errors.ts';
import { corruptIndex } from '../corrupt.ts';
import { RowLookup } from './row-lookup.ts';

/** Bytes of an id from which on its length has a place of its own. */
const LONG = 255;
/** The offset of every 16th id is kept; those of the others follow from lengths. */
const STEP = 16;
/** How much more room there is made than needed, where ids come one by one. */
const SPARE = 1.25;
/** Most bytes of all ids together: offsets have 32 bits. */
const MOST_BYTES = 2 ** 32 - 1;

/** Ids as files have them: see {@link IdTable}. */
export interface IdSections {
  /** `[rows]` bytes of each id, or 255 for the long ones. */
  readonly lengths: Uint8Array;
  /** `[long ids, 2]` row, and bytes of its id, in the order of rows. */
  readonly long: Uint32Array;
  /** The ids in UTF-8, one after another. */
  readonly text: Uint8Array;
}

/** Gives bytes that may move: the views of a memory that grows. */
export type ByteSource = () => Uint8Array;

/**
 * The ids of rows, both ways, in some ten bytes more than their letters: UTF-8 end to end, a byte for each length, an offset for each 16
 * of them, and a {@link RowLookup}. Rows are numbered in the order in which ids were added; a removed id keeps its row, and is not found any more.
 */
export class IdTable {
  private rows = 0;
  private removed = 0;
  private lengths: ByteSource;
  private text: ByteSource;
  private textBytes = 0;
  private offsets: Uint32Array;
  private readonly long = new Map<number, number>();
  private lookup: RowLookup;
  /** A bit for each row whose id was removed. */
  private gone = new Uint32Array(0);
  /** So that nobody can choose ids that meet in one place. */
  private readonly seed = Math.floor(Math.random() * 2 ** 32) | 0;
  /** UTF-8 of the id at hand, and its length. */
  private id = new Uint8Array(256);
  private idLength = 0;

  /** @param capacity - rows that there is room for from the beginning. */
  constructor(capacity = STEP) {
    const lengths = new Uint8Array(capacity);
    const text = new Uint8Array(8 * Math.min(capacity, STEP));
    this.lengths = () => lengths;
    this.text = () => text;
    this.offsets = new Uint32Array(Math.ceil(capacity / STEP));
    this.lookup = new RowLookup(capacity);
  }

  /**
   * A table from its sections, which are checked, and used in place until ids are added.
   *
   * @throws SternaError `corrupt-file`.
   */
  static from(lengths: ByteSource, long: Uint32Array, text: ByteSource): IdTable {
    const table = new IdTable(0);
    table.takeSections(lengths, long, text);
    checkText(text());
    table.offsets = new Uint32Array(Math.ceil(table.rows / STEP));
    table.lookup = new RowLookup(table.rows);
    table.indexRows();
    return table;
  }

  /** Rows, those included whose ids were removed. */
  get length(): number {
    return this.rows;
  }

  /** Ids that can be found. */
  get size(): number {
    return this.rows - this.removed;
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    const { lookup, offsets, gone } = this;
    return this.lengths().length + this.text().length + lookup.bytes + offsets.byteLength + gone.byteLength;
  }

  /** The row of an id, or −1. */
  find(id: string): number {
    this.encode(id);
    return this.findEncoded(this.hash());
  }

  /**
   * Adds an id in the next row.
   *
   * @returns the row, or −1 where the id is there already.
   * @throws SternaError `limits`.
   */
  add(id: string): number {
    this.encode(id);
    const hash = this.hash();
    if (this.findEncoded(hash) >= 0) return -1;
    const row = this.rows;
    this.makeRoom(row + 1, this.textBytes + this.idLength);
    if (row % STEP === 0) this.offsets[row / STEP] = this.textBytes;
    this.lengths()[row] = Math.min(this.idLength, LONG);
    if (this.idLength >= LONG) this.long.set(row, this.idLength);
    const text = this.text();
    for (let i = 0; i < this.idLength; i++) text[this.textBytes + i] = this.id[i];
    this.textBytes += this.idLength;
    this.rows++;
    this.lookup.add(hash, row);
    return row;
  }

  /** Makes room for so many more ids, and for no others where they are most of all. */
  reserve(more: number): void {
    const rows = this.rows + more;
    const room = Math.max(rows, Math.ceil(SPARE * this.rows));
    if (rows > this.lengths().length) this.growRows(room);
    if (rows > this.lookup.most) this.growLookup(room);
  }

  /** Takes away all rows but the first `rows`, none of which was removed meanwhile. */
  truncate(rows: number): void {
    if (rows >= this.rows) return;
    this.textBytes = this.startOf(rows);
    for (let row = rows; row < this.rows; row++) this.long.delete(row);
    this.rows = rows;
    this.growLookup(this.lookup.most);
  }

  /** Takes an id out; its row stays. */
  remove(row: number): void {
    if (this.gone.length * 32 < this.rows) {
      const gone = new Uint32Array(Math.ceil((SPARE * this.rows) / 32));
      gone.set(this.gone);
      this.gone = gone;
    }
    this.gone[row >> 5] |= 1 << (row & 31);
    this.removed++;
  }

  /** Whether the id of a row was not removed. */
  has(row: number): boolean {
    return this.removed === 0 || !((this.gone[row >> 5] >> (row & 31)) & 1);
  }

  /** The id of a row, removed or not. */
  at(row: number): string {
    const start = this.startOf(row);
    const length = this.lengthOf(row);
    const text = this.text();
    let id = '';
    for (let i = 0; i < length; i++) {
      const byte = text[start + i];
      if (byte >= 0x80) return decode(text.subarray(start, start + length));
      id += String.fromCharCode(byte);
    }
    return id;
  }

  /** A bit for each row whose id can be found; nothing where that is all of them. */
  mask(): Uint32Array | undefined {
    if (this.removed === 0) return undefined;
    const mask = new Uint32Array(Math.ceil(this.rows / 32)).fill(0xffffffff);
    for (let i = 0; i < Math.min(mask.length, this.gone.length); i++) mask[i] = ~this.gone[i];
    if (this.rows % 32 !== 0) mask[mask.length - 1] &= (1 << (this.rows % 32)) - 1;
    return mask;
  }

  /** What a file keeps of it; all ids must be there. */
  sections(): IdSections {
    const long = Uint32Array.from([...this.long].flat());
    const lengths = this.lengths().subarray(0, this.rows);
    return { lengths, long, text: this.text().subarray(0, this.textBytes) };
  }

  private takeSections(lengths: ByteSource, long: Uint32Array, text: ByteSource): void {
    this.lengths = lengths;
    this.text = text;
    const all = lengths();
    this.rows = all.length;
    let longIds = 0;
    for (let row = 0; row < all.length; row++) {
      if (all[row] === 0) throw corruptIndex(`the id of row ${row} is empty`);
      if (all[row] < LONG) this.textBytes += all[row];
      else {
        const [at, bytes] = long.subarray(2 * longIds, 2 * longIds + 2);
        if (at !== row || !(bytes >= LONG))
          throw corruptIndex(`the length of the id of row ${row} is missing`);
        this.long.set(row, bytes);
        this.textBytes += bytes;
        longIds++;
      }
    }
    if (long.length !== 2 * longIds) throw corruptIndex('it has lengths of ids that are not there');
    if (text().length !== this.textBytes)
      throw corruptIndex(`its ids have ${text().length} bytes; needed: ${this.textBytes}`);
  }

  /** Finds out where ids begin, and enters them all. */
  private indexRows(): void {
    const text = this.text();
    const lengths = this.lengths();
    let start = 0;
    for (let row = 0; row < this.rows; row++) {
      if (row % STEP === 0) this.offsets[row / STEP] = start;
      const length = lengths[row] < LONG ? lengths[row] : this.long.get(row)!;
      if ((text[start] & 0xc0) === 0x80) throw corruptIndex(`the id of row ${row} begins amid a letter`);
      const hash = hashOf(text, start, length, this.seed);
      const found = this.lookup.find(hash, (other) => this.isAt(other, text, start, length));
      if (found >= 0) throw corruptIndex(`rows ${found} and ${row} have one id`);
      this.lookup.add(hash, row);
      start += length;
    }
  }

  private isAt(row: number, bytes: Uint8Array, from: number, length: number): boolean {
    if (this.lengthOf(row) !== length) return false;
    const text = this.text();
    const start = this.startOf(row);
    for (let i = 0; i < length; i++) if (text[start + i] !== bytes[from + i]) return false;
    return true;
  }

  private findEncoded(hash: number): number {
    return this.lookup.find(hash, (row) => this.isAt(row, this.id, 0, this.idLength) && this.has(row));
  }

  private lengthOf(row: number): number {
    const length = this.lengths()[row];
    return length < LONG ? length : this.long.get(row)!;
  }

  private startOf(row: number): number {
    const lengths = this.lengths();
    let start = this.offsets[Math.floor(row / STEP)];
    for (let before = row - (row % STEP); before < row; before++)
      start += lengths[before] < LONG ? lengths[before] : this.long.get(before)!;
    return start;
  }

  private hash(): number {
    return hashOf(this.id, 0, this.idLength, this.seed);
  }

  /** Writes an id's UTF-8 to `this.id`. */
  private encode(id: string): void {
    if (3 * id.length > this.id.length) this.id = new Uint8Array(6 * id.length);
    const { length } = id;
    for (let i = 0; i < length; i++) {
      const unit = id.charCodeAt(i);
      if (unit >= 0x80) {
        this.idLength = encoder.encodeInto(id, this.id).written;
        return;
      }
      this.id[i] = unit;
    }
    this.idLength = length;
  }

  private makeRoom(rows: number, textBytes: number): void {
    if (textBytes > MOST_BYTES) {
      throw new SternaError(
        'limits',
        `The ids have ${textBytes} bytes together; needed: at most ${MOST_BYTES}. Use shorter ones.`,
      );
    }
    if (rows > this.lengths().length) this.growRows(Math.max(STEP, Math.ceil(SPARE * rows)));
    if (rows > this.lookup.most) this.growLookup(Math.max(STEP, Math.ceil(SPARE * rows)));
    if (textBytes <= this.text().length) return;
    const text = new Uint8Array(Math.ceil(SPARE * textBytes));
    text.set(this.text().subarray(0, this.textBytes));
    this.text = () => text;
  }

  private growRows(rows: number): void {
    const lengths = new Uint8Array(rows);
    lengths.set(this.lengths().subarray(0, this.rows));
    this.lengths = () => lengths;
    const offsets = new Uint32Array(Math.ceil(rows / STEP));
    offsets.set(this.offsets);
    this.offsets = offsets;
  }

  private growLookup(rows: number): void {
    this.lookup = new RowLookup(rows);
    const text = this.text();
    let start = 0;
    for (let row = 0; row < this.rows; row++) {
      const length = this.lengthOf(row);
      this.lookup.add(hashOf(text, start, length, this.seed), row);
      start += length;
    }
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes of shared memory are copied, because decoders refuse them. */
function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice());
}

function checkText(text: Uint8Array): void {
  try {
    decode(text);
  } catch {
    throw corruptIndex('its ids are not UTF-8');
  }
}

/** FNV-1a with a seed, and its bits mixed. */
function hashOf(bytes: Uint8Array, from: number, length: number, seed: number): number {
  let hash = seed;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[from + i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
