/**
 * A double-array trie over bytes, in the layout of darts-clone: one 32-bit unit a node, whose children lie at the
 * node's position XOR the label.
 */
export class DoubleArray {
  /** @param units - `[nodes]`, as stored. */
  constructor(private readonly units: Uint32Array) {}

  /**
   * The value of the shortest key that `bytes` begins with, or −1. A position outside of the array, as only a damaged
   * table has it, ends the search.
   */
  shortestPrefix(bytes: Uint8Array): number {
    const { units } = this;
    let node = offset(units[0]);
    for (const byte of bytes) {
      if (byte === 0) break;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || label(unit) !== byte) return -1;
      node ^= offset(unit);
      if (hasLeaf(unit)) return units[node] === undefined ? -1 : units[node] & 0x7fffffff;
    }
    return -1;
  }
}

function hasLeaf(unit: number): boolean {
  return (unit & 0x100) !== 0;
}

/** The byte that leads to a node; a leaf's highest bit makes it no byte at all. */
function label(unit: number): number {
  return (unit & 0x800000ff) >>> 0;
}

function offset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
