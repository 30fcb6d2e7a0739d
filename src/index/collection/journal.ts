import { SternaError } from '../../errors.ts';
import type { IndexFile, IndexFolder } from '../files/folder.ts';
import { batchFromBytes, batchToBytes } from './batch-bytes.ts';
import type { Batch } from './changes.ts';
import { FRAME_HEADER, frame, unframe } from './frame.ts';

/** What a journal held when it was opened. */
export interface Replay {
  readonly journal: Journal;
  readonly batches: readonly Batch[];
  /** Bytes at its end that were no whole record: what was being written when the power went. They are cut off. */
  readonly tornBytes: number;
  /** Records in its middle that are damaged, and were passed over. */
  readonly damagedRecords: number;
}

/** A file to which batches are appended, one frame each. */
export class Journal {
  private end: number;
  private broken: unknown;

  private constructor(
    private readonly file: IndexFile,
    end: number,
  ) {
    this.end = end;
  }

  /** Opens a journal, or makes it, reads what it holds, and cuts off what was not written to its end. */
  static async open(folder: IndexFolder, name: string): Promise<Replay> {
    const file = (await folder.open(name, { create: true }))!;
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    const { batches, end, damagedRecords } = replay(bytes);
    if (end < bytes.length) {
      file.truncate(end);
      await file.flush();
    }
    return { journal: new Journal(file, end), batches, tornBytes: bytes.length - end, damagedRecords };
  }

  /** Bytes so far. */
  get size(): number {
    return this.end;
  }

  /**
   * Appends a batch. When the promise settles the batch is durable; when it rejects it is not there.
   *
   * @throws SternaError `storage-full`, `storage`.
   */
  async append(batch: Batch, dimensions: number): Promise<void> {
    if (this.broken) throw this.broken;
    const record = frame(batchToBytes(batch, dimensions));
    try {
      this.file.write(this.end, record);
      await this.file.flush();
      this.end += record.length;
    } catch (error) {
      await this.takeBack(error);
      throw error;
    }
  }

  close(): void {
    this.file.close();
  }

  /** Half a record must not stay: what is appended later would lie behind it, and never be found. */
  private async takeBack(cause: unknown): Promise<void> {
    try {
      this.file.truncate(this.end);
      await this.file.flush();
    } catch {
      this.broken = new SternaError(
        'storage',
        'The journal could not be brought back to its last whole record; open the index again.',
        { cause },
      );
    }
  }
}

function replay(bytes: Uint8Array): { batches: Batch[]; end: number; damagedRecords: number } {
  const batches: Batch[] = [];
  let end = 0;
  let damaged = 0;
  let damagedRecords = 0;
  for (let at = 0; at + FRAME_HEADER <= bytes.length; ) {
    const payload = unframe(bytes, at);
    const batch = payload && decoded(payload);
    at += FRAME_HEADER + (payload?.length ?? lengthAt(bytes, at));
    if (batch) {
      batches.push(batch);
      end = at;
      damagedRecords += damaged;
      damaged = 0;
    } else damaged++; // torn, unless a whole one comes after it
  }
  return { batches, end, damagedRecords };
}

function decoded(payload: Uint8Array): Batch | undefined {
  try {
    return batchFromBytes(payload);
  } catch {
    return undefined;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}
