import { crc32 } from '../../crc32.ts';
import { readAll } from '../files.ts';
import { type Storage, writeWhole } from '../storage/storage.ts';

/** How far a conversion has come: everything before `position` is on the disk. */
export interface JournalEntry {
  /** What is converted into what; a journal of something else is of no use. */
  readonly of: string;
  /** Bytes of the source that are done. */
  readonly position: number;
  /** State of the SHA-256 there, where the hash of the whole is known. */
  readonly sha?: string;
  /** State of the reader there, where it needs one. */
  readonly reader?: string;
}

const NAMES = ['journal-0', 'journal-1'];

/**
 * Two files that are written in turn, so that the one before is whole when the tab dies in the middle of a write: each has a number, and the
 * largest of those that are intact counts.
 */
export class Journal {
  private turn = 0;

  constructor(private readonly storage: Storage) {}

  /** The last entry that is intact. */
  async read(): Promise<JournalEntry | undefined> {
    let last: JournalEntry | undefined;
    for (const name of NAMES) {
      const file = await this.storage.open(name);
      const found = file && parse(new TextDecoder().decode(await readAll(file)));
      if (!found || found.turn <= this.turn) continue;
      this.turn = found.turn;
      last = found.entry;
    }
    return last;
  }

  async write(entry: JournalEntry): Promise<void> {
    const body = JSON.stringify({ turn: ++this.turn, entry });
    const bytes = new TextEncoder().encode(`${checksum(body)} ${body}`);
    await writeWhole(this.storage, NAMES[this.turn % NAMES.length], bytes);
  }

  async remove(): Promise<void> {
    for (const name of NAMES) await this.storage.remove(name);
  }
}

function parse(text: string): { turn: number; entry: JournalEntry } | undefined {
  const body = text.slice(9);
  if (text.slice(0, 8) !== checksum(body)) return undefined;
  return JSON.parse(body);
}

function checksum(text: string): string {
  return crc32(new TextEncoder().encode(text)).toString(16).padStart(8, '0');
}
