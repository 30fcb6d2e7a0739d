/** Something that is in use until it is given up: a segment with its file, or a head. */
export interface Leasable {
  readonly name: string;
  dispose(): void;
}

/**
 * Who reads which parts. A part that counts no more is disposed of when the last search that began before has ended: its memory and its file would
 * otherwise be given to somebody else under the hands of that search.
 */
export class Leases {
  private readonly readers = new Map<Leasable, number>();
  private readonly retired = new Set<Leasable>();
  private waiting: (() => void)[] = [];

  /** @param onDisposed - called after a part is disposed of that had to wait for its readers. */
  constructor(private readonly onDisposed: () => void) {}

  /** Keeps parts as they are until the returned function is called. */
  take(parts: readonly Leasable[]): () => void {
    for (const part of parts) this.readers.set(part, (this.readers.get(part) ?? 0) + 1);
    return () => {
      for (const part of parts) this.giveBack(part);
    };
  }

  /** Disposes of a part as soon as nobody reads it. */
  retire(part: Leasable): void {
    if (this.readers.has(part)) this.retired.add(part);
    else part.dispose();
  }

  /** A part of a name that was retired and is read still. */
  retiredOf(name: string): Leasable | undefined {
    return [...this.retired].find((part) => part.name === name);
  }

  /** Settles when all that was retired is disposed of. */
  async settled(): Promise<void> {
    if (this.retired.size > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private giveBack(part: Leasable): void {
    const readers = this.readers.get(part)! - 1;
    if (readers > 0) {
      this.readers.set(part, readers);
      return;
    }
    this.readers.delete(part);
    if (!this.retired.delete(part)) return;
    part.dispose();
    this.onDisposed();
    if (this.retired.size > 0) return;
    for (const resolve of this.waiting) resolve();
    this.waiting = [];
  }
}
