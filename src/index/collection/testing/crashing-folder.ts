import { endsEarly } from '../../files/errors.ts';
import type { IndexFile, IndexFolder } from '../../files/folder.ts';

/** A change of a file that was not flushed: it may have reached the disk or not. */
type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number };

/** One life of a file of some name, from its making to its removal. */
interface Stored {
  live: Uint8Array;
  /** As of its last flush. */
  flushed: Uint8Array;
  readonly pending: Change[];
  isOpen: boolean;
  /** How often journals had been flushed when it was made; nothing for what a restart has found. */
  readonly madeAt?: number;
}

/**
 * A folder in memory that loses its power. At the call of a given number it dies, and every later call fails; {@link restarted} gives what
 * is on the disk then. Of each file that is what was flushed, and of each later change all, a part or nothing, whatever became of the others. A
 * file that was made or removed since may be there or not.
 *
 * It also refuses what a browser refuses: to open a file twice, and to remove an open one.
 */
export class CrashingFolder implements IndexFolder {
  readonly lasting = true;
  readonly location = 'crashing';
  calls = 0;
  isDead = false;
  /** How often journals were flushed: batches that were acknowledged. */
  journalFlushes = 0;
  /** Of each name, what may be found there: the last one is what is there now. */
  private readonly histories = new Map<string, (Stored | undefined)[]>();

  /** @param crashAt - number of the call at which it dies; the first one has 1. */
  constructor(public crashAt = Number.POSITIVE_INFINITY) {}

  async open(name: string, { create = false } = {}): Promise<IndexFile | undefined> {
    this.step();
    let stored = this.histories.get(name)?.at(-1);
    if (!stored && create) {
      const [live, flushed] = [new Uint8Array(0), new Uint8Array(0)];
      stored = { live, flushed, pending: [], isOpen: false, madeAt: this.journalFlushes };
      this.push(name, stored);
    }
    if (!stored) return undefined;
    if (stored.isOpen) throw new Error(`${name} is opened twice`);
    stored.isOpen = true;
    return new CrashingFile(this, name, stored);
  }

  async remove(name: string): Promise<void> {
    const stored = this.histories.get(name)?.at(-1);
    if (stored?.isOpen && !this.isDead) throw new Error(`${name} is removed while it is open`);
    if (stored && !this.isDead) this.push(name, undefined);
    this.step();
  }

  async names(): Promise<string[]> {
    this.step();
    return [...this.histories].filter(([, history]) => history.at(-1)).map(([name]) => name);
  }

  /** @param random - numbers from 0 to 1. */
  restarted(random: () => number): CrashingFolder {
    const folder = new CrashingFolder();
    for (const [name, history] of this.histories) {
      const stored = history[Math.floor(random() * history.length)];
      if (!stored) continue;
      const bytes = survivingBytes(stored, random);
      folder.histories.set(name, [{ live: bytes, flushed: bytes, pending: [], isOpen: false }]);
    }
    return folder;
  }

  /** How often journals were flushed since a segment was begun that is not whole: batches beside a merge. */
  get batchesBesideMerge(): number {
    const begun = [...this.histories]
      .filter(([name]) => name.startsWith('segment'))
      .map(([, history]) => history.at(-1))
      .filter((stored) => stored && stored.flushed.length === 0);
    return Math.max(
      0,
      ...begun.map((stored) => this.journalFlushes - (stored!.madeAt ?? this.journalFlushes)),
    );
  }

  /** Counts a call. */
  step(): void {
    if (this.isDead || ++this.calls >= this.crashAt) {
      this.isDead = true;
      throw new Error('the power is gone');
    }
  }

  /** What is there now is there for good. */
  settle(name: string, stored: Stored): void {
    this.histories.set(name, [stored]);
  }

  private push(name: string, stored: Stored | undefined): void {
    const history = this.histories.get(name) ?? [undefined];
    history.push(stored);
    this.histories.set(name, history);
  }
}

class CrashingFile implements IndexFile {
  constructor(
    private readonly folder: CrashingFolder,
    private readonly name: string,
    private readonly stored: Stored,
  ) {}

  get size(): number {
    return this.stored.live.length;
  }

  read(start: number, into: Uint8Array): void {
    this.folder.step();
    const end = start + into.length;
    if (end > this.size) throw endsEarly(this.name, this.size, end);
    into.set(this.stored.live.subarray(start, end));
  }

  write(at: number, bytes: Uint8Array): void {
    this.change({ kind: 'write', at, bytes: bytes.slice() });
  }

  truncate(size: number): void {
    this.change({ kind: 'truncate', size });
  }

  async flush(): Promise<void> {
    this.folder.step();
    this.stored.flushed = this.stored.live;
    this.stored.pending.length = 0;
    if (this.name.startsWith('journal') && this.stored.flushed.length > 0) this.folder.journalFlushes++;
    this.folder.settle(this.name, this.stored);
  }

  close(): void {
    this.stored.isOpen = false;
  }

  /** The change at which the power goes may reach the disk as well. */
  private change(change: Change): void {
    if (!this.folder.isDead) {
      this.stored.pending.push(change);
      this.stored.live = changed(this.stored.live, change);
    }
    this.folder.step();
  }
}

function changed(bytes: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'truncate') {
    const cut = new Uint8Array(change.size);
    cut.set(bytes.subarray(0, change.size));
    return cut;
  }
  const larger = new Uint8Array(Math.max(bytes.length, change.at + change.bytes.length));
  larger.set(bytes);
  larger.set(change.bytes, change.at);
  return larger;
}

function survivingBytes({ flushed, pending }: Stored, random: () => number): Uint8Array {
  let bytes = flushed;
  for (const change of pending) {
    const luck = random();
    if (luck < 0.3) continue;
    const isTorn = luck < 0.6 && change.kind === 'write';
    bytes = changed(
      bytes,
      isTorn
        ? { ...change, bytes: change.bytes.subarray(0, Math.floor(random() * change.bytes.length)) }
        : change,
    );
  }
  return bytes;
}
