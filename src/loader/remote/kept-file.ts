import { SternaError } from '../../errors.ts';
import { release } from '../../release.ts';
import { checkRange, type ModelFile } from '../files.ts';
import { HASH_BYTES, type ManifestFile } from '../pack/manifest.ts';
import { hexOfBytes } from '../sha256.ts';
import type { Storage } from '../storage/storage.ts';
import type { RemoteFile } from './remote-file.ts';

/** Chunks that are fetched at a time, and most bytes of a request. */
const REQUESTS = 6;
const REQUEST_BYTES = 4 * 2 ** 20;
/** How often a chunk that is damaged is fetched. */
const TRIES = 2;
/** How often a file is opened anew when it was written to while it was read. */
const READS = 5;

/**
 * A file on a server that comes chunk by chunk, as it is asked for. Each chunk is checked against its hash, kept, and noted down
 * in a file beside; so none of them travels twice, and a file of which little is needed is never there as a whole.
 */
export class KeptFile implements ModelFile {
  readonly size: number;
  /** A byte for each chunk: 1 where it is kept. */
  private have: Uint8Array | undefined;
  private readonly coming = new Map<number, Promise<void>>();
  /** Writes and reads of the kept file take turns: what was open before a write cannot be read after it. */
  private turn: Promise<unknown> = Promise.resolve();

  /** @param open - asks the server for the file, when first needed. */
  constructor(
    readonly name: string,
    private readonly plan: ManifestFile,
    private readonly storage: Storage,
    private readonly open: () => Promise<RemoteFile>,
  ) {
    this.size = plan.size;
  }

  /** Bytes that are still to come. */
  async missingBytes(): Promise<number> {
    const have = await this.chunksKept();
    return have.reduce((sum, kept, chunk) => (kept ? sum : sum + this.end(chunk) - this.begin(chunk)), 0);
  }

  /** @throws SternaError `network`, `source-changed`, `corrupt-file`, `storage-full`, `storage`. */
  async read(start: number, end: number): Promise<Uint8Array> {
    checkRange(this.name, this.size, start, end);
    if (start === end) return new Uint8Array(0);
    await this.fetch(start, end);
    return this.inTurn(() => this.readKept(start, end));
  }

  /** Brings bytes `start` … `end` into the storage. */
  async fetch(start = this.plan.start, end = this.size): Promise<void> {
    const have = await this.chunksKept();
    const { start: origin, chunk: size } = this.plan;
    const [first, last] = [Math.floor((start - origin) / size), Math.ceil((end - origin) / size)];
    const missing: number[] = [];
    const waiting: Promise<void>[] = [];
    for (let chunk = first; chunk < last; chunk++) {
      const coming = this.coming.get(chunk);
      if (coming) waiting.push(coming);
      else if (!have[chunk]) missing.push(chunk);
    }
    const runs = runsOf(missing, Math.max(1, Math.floor(REQUEST_BYTES / size)));
    const workers = Array.from({ length: Math.min(REQUESTS, runs.length) }, async () => {
      for (let run = runs.shift(); run; run = runs.shift()) await this.bring(run);
    });
    await Promise.all([...workers, ...waiting]);
  }

  /** Fetches chunks that are neighbours, and keeps them. */
  private bring(chunks: readonly number[]): Promise<void> {
    const bringing = this.fetchChunks(chunks).finally(() => {
      for (const chunk of chunks) this.coming.delete(chunk);
    });
    for (const chunk of chunks) this.coming.set(chunk, bringing);
    return bringing;
  }

  private async fetchChunks(chunks: readonly number[]): Promise<void> {
    const first = this.begin(chunks[0]);
    const remote = await this.open();
    if (remote.size !== this.size) {
      throw new SternaError(
        'source-changed',
        `${this.name} has ${remote.size} bytes on the server; needed by the manifest: ${this.size}. Load the model again.`,
      );
    }
    for (let tries = 1; ; tries++) {
      const bytes = await remote.read(first, this.end(chunks.at(-1)!));
      const damaged = await this.firstDamaged(bytes, chunks);
      if (damaged === undefined) {
        await this.inTurn(() => this.keep(bytes, chunks));
        release(bytes);
        return;
      }
      if (tries < TRIES) continue;
      throw new SternaError(
        'corrupt-file',
        `${this.name} is damaged in its bytes ${this.begin(damaged)} to ${this.end(damaged)}, and was so when it was fetched again; needed: the SHA-256 that the manifest says. Upload the pack again, or get it from another place.`,
      );
    }
  }

  private async firstDamaged(
    bytes: Uint8Array<ArrayBuffer>,
    chunks: readonly number[],
  ): Promise<number | undefined> {
    const { hashes } = this.plan;
    if (!hashes) return undefined;
    const first = this.begin(chunks[0]);
    for (const chunk of chunks) {
      const ofChunk = bytes.subarray(this.begin(chunk) - first, this.end(chunk) - first);
      const found = new Uint8Array(await crypto.subtle.digest('SHA-256', ofChunk));
      const needed = hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES);
      if (hexOfBytes(found) !== hexOfBytes(needed)) return chunk;
    }
    return undefined;
  }

  /** Writes chunks, and notes that they are there when they are. */
  private async keep(bytes: Uint8Array, chunks: readonly number[]): Promise<void> {
    await this.put(this.name, this.begin(chunks[0]), bytes);
    const have = await this.chunksKept();
    await this.put(noteOf(this.name), chunks[0], new Uint8Array(chunks.length).fill(1));
    for (const chunk of chunks) have[chunk] = 1;
  }

  private async put(name: string, at: number, bytes: Uint8Array): Promise<void> {
    const writer = await this.storage.writer(name);
    try {
      await writer.write(at, bytes);
      await writer.flush();
    } finally {
      await writer.close();
    }
  }

  /** Another tab may write to the file while it is read here. */
  private async readKept(start: number, end: number): Promise<Uint8Array> {
    for (let tries = 1; ; tries++) {
      try {
        const file = await this.storage.open(this.name);
        if (file) return await file.read(start, end);
        throw new SternaError(
          'corrupt-file',
          `${this.name} is no longer in the storage. Load the model again.`,
        );
      } catch (error) {
        if (tries === READS) throw error;
      }
    }
  }

  private async chunksKept(): Promise<Uint8Array> {
    if (this.have) return this.have;
    const { start, size, chunk } = this.plan;
    const have = new Uint8Array(Math.ceil((size - start) / chunk));
    const note = await this.storage.open(noteOf(this.name));
    if (note) have.set(await note.read(0, Math.min(note.size, have.length)));
    this.have ??= have;
    return this.have;
  }

  private begin(chunk: number): number {
    return this.plan.start + chunk * this.plan.chunk;
  }

  private end(chunk: number): number {
    return Math.min(this.size, this.begin(chunk + 1));
  }

  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => {});
    return result;
  }
}

/** The file that says which chunks of another one are there. */
function noteOf(name: string): string {
  return `${name}.have`;
}

/** Neighbours together, at most `most`. */
function runsOf(chunks: readonly number[], most: number): number[][] {
  const runs: number[][] = [];
  for (const chunk of chunks) {
    const last = runs.at(-1);
    if (last && last.at(-1) === chunk - 1 && last.length < most) last.push(chunk);
    else runs.push([chunk]);
  }
  return runs;
}
