/**
 * A 64-bit hash of a sequence of byte strings, as 16 hexadecimal digits: two 32-bit hashes of the FNV-1a kind with
 * different primes and starts. It tells models apart; it does not protect against somebody who wants two alike.
 */
export class Fingerprint {
  private low = 0x811c9dc5;
  private high = 0x9747b28c;

  add(bytes: Uint8Array): this {
    let { low, high } = this;
    for (const byte of bytes) {
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte, 0x5bd1e995);
      high ^= high >>> 15;
    }
    this.low = low;
    this.high = high;
    return this;
  }

  /** Strings are hashed with their length, so that "ab", "c" is not "a", "bc". */
  addText(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.add(new Uint8Array(Uint32Array.of(bytes.length).buffer)).add(bytes);
  }

  toString(): string {
    return [this.high, this.low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
