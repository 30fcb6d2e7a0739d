import { SternaError } from '../../errors.ts';
import type { IndexFile, IndexFolder } from '../files/folder.ts';
import { BATCH_MARK, BATCH_MARK_AT, batchFromBytes, batchToBytes } from './batch-bytes.ts';
import type { Batch } from './changes.ts';
import { FRAME_HEADER, frame, unframe } from './frame.ts';

/** What a journal held when it was opened. */
export interface Replay {
  readonly journal: Journal;
  readonly batches: readonly Batch[];
  /** Bytes at its end that were no whole record: what was being written when the power went. They are cut off. */
  readonly tornBytes: number;
  /** Places in its middle that are damaged, and were passed over: a record each, or some. A journal that is missing is one. */
  readonly damagedRecords: number;
}

/** Where the mark of a batch is in its frame. */
const MARK_AT = FRAME_HEADER + BATCH_MARK_AT;

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

  /** Makes an empty journal, which is there after a power cut. */
  static async create(folder: IndexFolder, name: string): Promise<Journal> {
    const file = (await folder.open(name, { create: true }))!;
    try {
      file.truncate(0);
      await file.flush();
    } catch (error) {
      file.close();
      throw error;
    }
    return new Journal(file, 0);
  }

  /**
   * Opens a journal, reads what it holds, and cuts off what was not written to its end.
   *
   * @param dimensions - of its vectors; absent while there are none.
   */
  static async open(folder: IndexFolder, name: string, dimensions?: number): Promise<Replay> {
    const file = await folder.open(name);
    if (!file)
      return { journal: await Journal.create(folder, name), batches: [], tornBytes: 0, damagedRecords: 1 };
    try {
      const bytes = new Uint8Array(file.size);
      file.read(0, bytes);
      const { batches, end, damagedRecords } = replay(bytes, dimensions);
      if (end < bytes.length) {
        file.truncate(end);
        await file.flush();
      }
      return { journal: new Journal(file, end), batches, tornBytes: bytes.length - end, damagedRecords };
    } catch (error) {
      file.close();
      throw error;
    }
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

function replay(bytes: Uint8Array, dimensions: number | undefined) {
  const batches: Batch[] = [];
  let end = 0;
  let damagedRecords = 0;
  let isBehindDamage = false;
  const search = new FrameSearch(bytes);
  for (let at = 0; at + FRAME_HEADER <= bytes.length; ) {
    const payload = unframe(bytes, at);
    const batch = payload && decoded(payload, dimensions);
    if (batch) {
      batches.push(batch);
      if (isBehindDamage) damagedRecords++;
      isBehindDamage = false;
      at += FRAME_HEADER + payload.length;
      end = at;
    } else {
      // Torn, unless a whole one comes after it.
      isBehindDamage = true;
      at = search.next(at + 1);
    }
  }
  return { batches, end, damagedRecords };
}

function decoded(payload: Uint8Array, dimensions: number | undefined): Batch | undefined {
  try {
    return batchFromBytes(payload, dimensions);
  } catch {
    return undefined;
  }
}

/** Finds the next whole frame behind a damaged one, whose length may be wrong. */
class FrameSearch {
  /** Bytes that may still be summed up: texts may be full of what looks like records. */
  private left: number;

  constructor(private readonly bytes: Uint8Array) {
    this.left = 4 * bytes.length;
  }

  /** @returns where it begins; the end where there is none. */
  next(from: number): number {
    const { bytes } = this;
    const first = BATCH_MARK[0];
    for (let at = bytes.indexOf(first, from + MARK_AT); at >= 0; at = bytes.indexOf(first, at + 1)) {
      if (!BATCH_MARK.every((byte, i) => bytes[at + i] === byte)) continue;
      const start = at - MARK_AT;
      const length = lengthAt(bytes, start);
      if (length > bytes.length - start) continue;
      this.left -= length;
      if (this.left < 0) return bytes.length;
      if (unframe(bytes, start)) return start;
    }
    return bytes.length;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}
