import type { ByteStream } from '../byte-stream.ts';
import { damaged, notUnderstood } from './refusals.ts';

/** How a field's value is written in Protocol Buffers. Groups, 3 and 4, occur in no ONNX file. */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A field of a message. */
export interface Field {
  readonly number: number;
  /** One of {@link WireType}. */
  readonly type: number;
  /** Of a varint: a signed integer of 64 bits, exact where it is safe. 0 for all others. */
  readonly value: number;
  /** Bytes `start` … `end` of the file hold what comes after the tag, or after the length of bytes. */
  readonly start: number;
  readonly end: number;
}

// Limits of what a file may make the reader do. A graph of 24 layers has 3,000 nodes of 15 fields and names of 100 bytes.
const MOST_FIELDS = 500_000;
const MOST_TEXT = 2 ** 25;
const LONGEST_TEXT = 4096;
const LONGEST_VARINT = 10;

const NOTHING = new Uint8Array(0);
const decoder = new TextDecoder();

/**
 * Reads the wire format of Protocol Buffers from a stream, field by field. It takes no byte from the stream that it was not
 * asked for, so that what follows can be read from the stream by others.
 *
 * All errors are SternaErrors: `corrupt-file`, `unsupported-model` beyond the limits above, and those of the stream.
 */
export class Wire {
  /** Bytes from the stream, of which those from `at` on have not been used. */
  private held: Uint8Array = NOTHING;
  private at = 0;
  private fields = 0;
  private text = 0;

  constructor(readonly stream: ByteStream) {}

  /** Where the next byte is in the file. */
  get position(): number {
    return this.stream.position - (this.held.length - this.at);
  }

  /** Takes bytes from the stream, so that the next `count` are at hand: many small reads become one. */
  async fetch(count: number): Promise<void> {
    const rest = this.held.subarray(this.at);
    if (rest.length >= count) return;
    const more = await this.stream.read(count - rest.length);
    this.at = 0;
    if (rest.length === 0) {
      this.held = more;
      return;
    }
    this.held = new Uint8Array(count);
    this.held.set(rest);
    this.held.set(more, rest.length);
  }

  /**
   * The tag of the next field, with its integer or its length.
   *
   * @param end - where the message ends that it is in.
   */
  async field(end: number): Promise<Field> {
    const { name } = this.stream;
    if (++this.fields > MOST_FIELDS) throw notUnderstood(name, `it has more than ${MOST_FIELDS} fields`);
    await this.fetch(Math.min(2, end - this.position));
    const tag = await this.varint(end);
    const number = Math.floor(tag / 8);
    if (number < 1) throw damaged(name, `there is no field ${number}, at byte ${this.position}`);
    const type = tag % 8;
    const value = type === WireType.varint || type === WireType.bytes ? await this.varint(end) : 0;
    const start = this.position;
    const length = lengthOf(type, value);
    if (length === undefined) throw damaged(name, `there is no type ${type} of fields, at byte ${start}`);
    if (!(length >= 0 && length <= end - start)) {
      throw damaged(
        name,
        `a field at byte ${start} has ${length} bytes; its message has ${end - start} more`,
      );
    }
    return { number, type, value: type === WireType.varint ? value : 0, start, end: start + length };
  }

  /** A signed integer of 64 bits. */
  async varint(end: number): Promise<number> {
    let low = 0;
    let high = 0;
    for (let i = 0; ; i++) {
      if (this.position >= end)
        throw damaged(this.stream.name, `an integer is cut off at byte ${this.position}`);
      if (i === LONGEST_VARINT)
        throw damaged(this.stream.name, `an integer at byte ${this.position} has no end`);
      await this.fetch(1);
      const byte = this.held[this.at++];
      if (i < 4) low += (byte & 0x7f) * 2 ** (7 * i);
      else high += (byte & 0x7f) * 2 ** (7 * (i - 4));
      if (byte < 0x80) return signed(low, high);
    }
  }

  /** The text of a field of bytes. */
  async string(field: Field): Promise<string> {
    const length = field.end - field.start;
    const { name } = this.stream;
    if (field.type !== WireType.bytes) throw damaged(name, `a number is where a text belongs`);
    if (length > LONGEST_TEXT)
      throw notUnderstood(name, `a name has ${length} bytes; it may have ${LONGEST_TEXT}`);
    this.text += length;
    if (this.text > MOST_TEXT) throw notUnderstood(name, `its names have more than ${MOST_TEXT} bytes`);
    return decoder.decode(await this.bytes(length));
  }

  /** The number of a field of 4 bytes, little-endian. */
  async float(): Promise<number> {
    const { buffer, byteOffset } = await this.bytes(4);
    return new DataView(buffer, byteOffset, 4).getFloat32(0, true);
  }

  /** The integers of one field of a repeated number: one, or many packed together. No more than `most` are kept. */
  async integers({ type, value, end }: Field, into: number[], most: number): Promise<void> {
    if (type === WireType.varint && into.length < most) into.push(value);
    if (type !== WireType.bytes) return;
    while (this.position < end && into.length < most) into.push(await this.varint(end));
  }

  /** Goes on at a later byte. */
  async skipTo(position: number): Promise<void> {
    const count = position - this.position;
    const ofHeld = Math.min(count, this.held.length - this.at);
    this.at += ofHeld;
    if (count > ofHeld) await this.stream.skip(count - ofHeld);
  }

  private async bytes(count: number): Promise<Uint8Array> {
    await this.fetch(count);
    this.at += count;
    return this.held.subarray(this.at - count, this.at);
  }
}

function lengthOf(type: number, value: number): number | undefined {
  switch (type) {
    case WireType.varint:
      return 0;
    case WireType.fixed64:
      return 8;
    case WireType.bytes:
      return value;
    case WireType.fixed32:
      return 4;
  }
  return undefined;
}

/** low + high · 2²⁸ in two's complement of 64 bits. */
function signed(low: number, high: number): number {
  const bits = low + high * 2 ** 28;
  if (bits <= Number.MAX_SAFE_INTEGER) return bits;
  return Number(BigInt.asIntN(64, BigInt(low) + (BigInt(high) << 28n)));
}
