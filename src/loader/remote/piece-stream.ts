import { type ByteStream, endsTooEarly } from '../byte-stream.ts';

/** A stream of pieces of any size, each of which is fetched when the one before is used up. */
export class PieceStream implements ByteStream {
  /** What is left of the last piece. */
  private head: Uint8Array = new Uint8Array(0);

  /** @param next - brings the next bytes, those from `position` on; at least one. */
  constructor(
    readonly name: string,
    readonly size: number,
    public position: number,
    private readonly next: (position: number) => Promise<Uint8Array>,
  ) {}

  /** Bytes that can be read without waiting. */
  get ready(): number {
    return this.head.length;
  }

  async read(count: number, room?: Uint8Array): Promise<Uint8Array> {
    const bytes = room?.subarray(0, count) ?? new Uint8Array(count);
    let at = 0;
    await this.take(count, (piece) => {
      bytes.set(piece, at);
      at += piece.length;
    });
    return bytes;
  }

  skip(count: number): Promise<void> {
    return this.take(count, () => {});
  }

  /** Goes past `count` bytes without fetching them. @throws SternaError `corrupt-file` where the file ends before. */
  leap(count: number): void {
    this.checkRoom(count);
    this.head = new Uint8Array(0);
    this.position += count;
  }

  private async take(count: number, use: (piece: Uint8Array) => void): Promise<void> {
    this.checkRoom(count);
    for (let left = count; left > 0; ) {
      if (this.head.length === 0) this.head = await this.next(this.position);
      const piece = this.head.subarray(0, left);
      use(piece);
      this.head = this.head.subarray(piece.length);
      left -= piece.length;
      this.position += piece.length;
    }
  }

  private checkRoom(count: number): void {
    if (this.position + count > this.size) throw endsTooEarly(this.name, this.size, this.position + count);
  }
}
