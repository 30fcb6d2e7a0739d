/** Pieces of files that were read, the ones used last, up to so many bytes. */
export class ByteCache {
  /** In the order of their last use. */
  private readonly pieces = new Map<string, Uint8Array<ArrayBuffer>>();
  private bytes = 0;

  constructor(private readonly mostBytes: number) {}

  get(key: string): Uint8Array<ArrayBuffer> | undefined {
    const piece = this.pieces.get(key);
    if (piece) {
      this.pieces.delete(key);
      this.pieces.set(key, piece);
    }
    return piece;
  }

  set(key: string, piece: Uint8Array<ArrayBuffer>): void {
    if (piece.length > this.mostBytes) return;
    this.delete(key);
    this.pieces.set(key, piece);
    this.bytes += piece.length;
    for (const oldest of this.pieces.keys()) {
      if (this.bytes <= this.mostBytes) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.bytes -= this.pieces.get(key)?.length ?? 0;
    this.pieces.delete(key);
  }
}
