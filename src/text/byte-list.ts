/** Bytes that are written one after another. */
export class ByteWriter {
  private bytes = new Uint8Array(1024);
  private length = 0;

  byte(value: number): void {
    this.room(1);
    this.bytes[this.length++] = value;
  }

  all(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A whole number of 32 bits, little-endian. */
  word(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 0xff);
  }

  /** A whole number below 2^31 in groups of 7 bits, the lowest first; all but the last have the highest bit set. */
  varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }

  private room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(2 * (this.length + count));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** Reads what {@link ByteWriter} wrote. Where bytes are missing it throws a RangeError. */
export class ByteReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array<ArrayBuffer>) {}

  /** How many bytes are left. */
  get left(): number {
    return this.bytes.length - this.at;
  }

  /** A view of the next `count` bytes. */
  all(count: number): Uint8Array<ArrayBuffer> {
    if (count > this.left) throw new RangeError(`${count} bytes are needed and ${this.left} are left`);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  word(): number {
    const bytes = this.all(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const [byte] = this.all(1);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
      if (shift === 28) throw new RangeError('a number is longer than 35 bits');
    }
  }
}
