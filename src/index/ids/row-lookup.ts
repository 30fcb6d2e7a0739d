/** Entries of three bytes hold rows below this. */
const MOST_IN_THREE_BYTES = 2 ** 24 - 1;
/** Share of the slots that may be taken. */
const FULL = 0.8;

/**
 * Rows by the hashes of their ids: a table with open addressing, in three bytes a slot, or in four for more than 16 million rows. A slot is
 * the row's number plus one, or 0 where it is free. Which of the rows with a hash is meant, its owner knows.
 */
export class RowLookup {
  private readonly slots: Uint8Array;
  private readonly width: number;
  private readonly slotCount: number;

  /** @param most - rows that it must have room for. */
  constructor(readonly most: number) {
    this.width = most < MOST_IN_THREE_BYTES ? 3 : 4;
    this.slotCount = Math.ceil(most / FULL) + 1;
    this.slots = new Uint8Array(this.width * this.slotCount);
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    return this.slots.length;
  }

  /** The first row with the hash that is the right one, or −1. @param hash - 32 bits without a sign. */
  find(hash: number, isRight: (row: number) => boolean): number {
    for (let slot = this.slotOf(hash); ; slot = slot + 1 < this.slotCount ? slot + 1 : 0) {
      const entry = this.read(slot);
      if (entry === 0) return -1;
      if (isRight(entry - 1)) return entry - 1;
    }
  }

  add(hash: number, row: number): void {
    let slot = this.slotOf(hash);
    while (this.read(slot) !== 0) slot = slot + 1 < this.slotCount ? slot + 1 : 0;
    const at = slot * this.width;
    const entry = row + 1;
    this.slots[at] = entry;
    this.slots[at + 1] = entry >>> 8;
    this.slots[at + 2] = entry >>> 16;
    if (this.width === 4) this.slots[at + 3] = entry >>> 24;
  }

  private slotOf(hash: number): number {
    return Math.floor((hash / 2 ** 32) * this.slotCount);
  }

  private read(slot: number): number {
    const { slots } = this;
    const at = slot * this.width;
    const low = slots[at] | (slots[at + 1] << 8) | (slots[at + 2] << 16);
    return this.width === 3 ? low : low + slots[at + 3] * 2 ** 24;
  }
}
