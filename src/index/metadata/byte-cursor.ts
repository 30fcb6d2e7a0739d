import { align, corrupt } from './columns-layout.ts';

/** Reads arrays one after another, in place, each at a multiple of 8. */
export class ByteCursor {
  private at = 0;

  /** @param name - of the file, for messages. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly name: string,
  ) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  words(length: number): Uint32Array {
    return new Uint32Array(this.bytes.buffer, this.take(4 * length), length);
  }

  doubles(length: number): Float64Array {
    return new Float64Array(this.bytes.buffer, this.take(8 * length), length);
  }

  units(length: number): Uint16Array {
    return new Uint16Array(this.bytes.buffer, this.take(2 * length), length);
  }

  /** Place in the buffer. @throws SternaError `corrupt-file` where it would end beyond the bytes. */
  private take(bytes: number): number {
    const start = this.at;
    this.at += align(bytes);
    if (this.at > this.bytes.length) throw corrupt(this.name, 'a column ends too early');
    return this.bytes.byteOffset + start;
  }
}
