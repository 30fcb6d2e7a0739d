import { SternaError } from '../../errors.ts';
import { release } from '../../release.ts';
import type { ByteStream } from '../byte-stream.ts';
import { isAbsent } from '../download.ts';
import { checkRange, type ModelFile } from '../files.ts';
import { PieceStream } from './piece-stream.ts';
import { anySignal, lengthOf, type RemoteOptions, Transfer } from './transfer.ts';

/** Bytes of a request, and how many of them are under way at a time: what a fast line needs, and no more memory than that. */
const CHUNK = 2 * 2 ** 20;
const AHEAD = 6;

/** A file from front to back, that can be given up. */
export interface RemoteStream extends ByteStream {
  cancel(): void;
}

/**
 * A file on a server, read by ranges. A connection that breaks is taken up again at the byte where it broke; a file that
 * has become another one meanwhile is noticed.
 */
export class RemoteFile implements ModelFile {
  private constructor(
    readonly name: string,
    readonly address: URL,
    readonly size: number,
    /** What the server calls this version of the file; empty where it does not say. */
    readonly version: string,
    /** Whether the server gives parts of the file; otherwise it is read from the beginning every time. */
    readonly hasRanges: boolean,
    private readonly options: RemoteOptions,
  ) {}

  /**
   * Asks for a file.
   *
   * @returns nothing where the server has none.
   * @throws SternaError `network`; the signal's reason when it is aborted.
   */
  static async open(
    name: string,
    address: URL,
    options: RemoteOptions = {},
  ): Promise<RemoteFile | undefined> {
    const probe = new Transfer(name, address, options);
    const found = await probe.persist(async (signal) => {
      const response = await probe.request({ range: 'bytes=0-0' }, signal);
      await response.body?.cancel();
      if (isAbsent(response, name)) return { absent: true } as const;
      const size = response.status === 200 ? lengthOf(response) : totalOf(response);
      return {
        absent: false,
        size,
        version: versionOf(response),
        hasRanges: response.status === 206,
      } as const;
    });
    if (found.absent) return undefined;
    const { version, hasRanges } = found;
    // A page may not see the total of a file on another origin, where it always sees the length of an answer.
    const size =
      found.size ??
      (await probe.persist(async (signal) => lengthOf(await probe.request({}, signal, 'HEAD'))));
    if (size === undefined) throw probe.failed('does not say how long it is');
    return new RemoteFile(name, address, size, version, hasRanges, options);
  }

  /**
   * Bytes `start` … `end`.
   *
   * @throws SternaError `network`, `source-changed`, `corrupt-file`; the signal's reason when it is aborted.
   */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this.name, this.size, start, end);
    return this.readInto(new Uint8Array(end - start), start);
  }

  /** As {@link read}, the bytes from `start` on, as many as there is room for. */
  private async readInto(bytes: Uint8Array<ArrayBuffer>, start: number): Promise<Uint8Array<ArrayBuffer>> {
    const end = start + bytes.length;
    if (bytes.length === 0) return bytes;
    if (!this.hasRanges) {
      const stream = this.stream();
      await stream.skip(start);
      bytes.set(await stream.read(bytes.length));
      return bytes;
    }
    const transfer = new Transfer(this.name, this.address, this.options);
    let at = 0;
    while (at < bytes.length) {
      await transfer.persist(async (signal) => {
        const response = await transfer.request({ range: `bytes=${start + at}-${end - 1}` }, signal);
        await this.check(response, transfer, start + at);
        await transfer.receive(response, (piece) => {
          // What a server sends beyond the range is not taken.
          const kept = piece.subarray(0, bytes.length - at);
          bytes.set(kept, at);
          at += kept.length;
          return at < bytes.length;
        });
        if (at < bytes.length) throw transfer.passing(`broke off after ${start + at} of ${this.size} bytes`);
      });
    }
    return bytes;
  }

  /** The file from byte `position` on. @param ahead - ranges of it that are under way at a time. */
  stream(position = 0, ahead = AHEAD): RemoteStream {
    return this.hasRanges ? this.rangedStream(position, ahead) : this.wholeStream(position);
  }

  private rangedStream(position: number, ahead: number): RemoteStream {
    const { name, size } = this;
    const controller = new AbortController();
    const signal = anySignal(controller.signal, this.options.signal);
    const source = new RemoteFile(name, this.address, size, this.version, true, { ...this.options, signal });
    /** Chunks in order: those that have come and those under way. */
    const queue: Promise<Uint8Array<ArrayBuffer>>[] = [];
    /** Room of chunks that are done with. */
    const rooms: ArrayBuffer[] = [];
    let asked = position;
    let chunk = new Uint8Array(0);
    const ask = () => {
      while (queue.length < ahead && asked < size) {
        const end = Math.min(size, asked + CHUNK);
        const room = new Uint8Array(rooms.pop() ?? new ArrayBuffer(CHUNK), 0, end - asked);
        const coming = source.readInto(room, asked);
        coming.catch(() => {}); // heard of when its turn comes
        queue.push(coming);
        asked = end;
      }
    };
    const stream = new PieceStream(name, size, position, async () => {
      ask();
      if (chunk.buffer.byteLength === CHUNK) rooms.push(chunk.buffer);
      chunk = await queue.shift()!;
      ask();
      return chunk;
    });
    const skip = async (count: number) => {
      if (count <= stream.ready + queue.length * CHUNK) return stream.skip(count);
      // What is under way is of no use; it is cheaper to begin anew behind the gap.
      stream.leap(count);
      asked = stream.position;
      queue.length = 0;
    };
    const cancel = () => {
      controller.abort();
      for (const room of rooms.splice(0)) release(new Uint8Array(room));
    };
    return remoteStream(stream, skip, cancel);
  }

  /** One answer from front to back; after a break the server sends all of it again, and what is known is passed over. */
  private wholeStream(position: number): RemoteStream {
    const { name, size } = this;
    const controller = new AbortController();
    const signal = anySignal(controller.signal, this.options.signal);
    const transfer = new Transfer(name, this.address, { ...this.options, signal }, false);
    let source: AsyncGenerator<Uint8Array> | undefined;
    const stream = new PieceStream(name, size, position, (at) =>
      transfer.persist(async (attempt) => {
        try {
          source ??= this.pieces(transfer, at, attempt);
          const { done, value } = await source.next();
          if (done) throw transfer.passing(`broke off after ${at} of ${size} bytes`);
          return value;
        } catch (error) {
          source = undefined;
          throw error;
        }
      }),
    );
    return remoteStream(
      stream,
      (count) => stream.skip(count),
      () => controller.abort(),
    );
  }

  private async *pieces(transfer: Transfer, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const response = await transfer.request({}, signal);
    await this.check(response, transfer, 0);
    let at = 0;
    for await (const piece of transfer.piecesOf(response)) {
      const begin = at;
      at += piece.length;
      if (at > from) yield piece.subarray(Math.max(0, from - begin));
      // The next one is asked for when this one is used up.
      transfer.free(piece);
    }
  }

  /** @throws SternaError where an answer is not of the file that was opened, or not of these bytes. */
  private async check(response: Response, transfer: Transfer, start: number): Promise<void> {
    const { name, size } = this;
    const refuse = async (error: SternaError) => {
      await response.body?.cancel();
      throw error;
    };
    const { status } = response;
    const version = versionOf(response);
    const total = status === 206 ? totalOf(response) : undefined;
    const changed =
      (version !== '' && this.version !== '' && version !== this.version) ||
      (total !== undefined && total !== size) ||
      status === 416;
    if (changed) {
      await refuse(
        new SternaError(
          'source-changed',
          `${name} has become another file on the server while it was downloaded (from byte ${start}). Load the model again.`,
        ),
      );
    }
    if (isAbsent(response, name)) await refuse(transfer.failed(`is no longer there (${status})`));
    const begin = status === 206 ? startOf(response) : 0;
    if (begin !== undefined && begin !== start) {
      await refuse(
        transfer.passing(`answers with bytes from ${begin} on, and was asked for those from ${start} on`),
      );
    }
  }
}

function remoteStream(stream: PieceStream, skip: ByteStream['skip'], cancel: () => void): RemoteStream {
  const { name, size } = stream;
  return {
    name,
    size,
    get position() {
      return stream.position;
    },
    read: (count, room) => stream.read(count, room),
    skip,
    cancel,
  };
}

/** The version of a file: its ETag where there is one, else the time of its last change. */
function versionOf({ headers }: Response): string {
  return headers.get('etag') ?? headers.get('last-modified') ?? '';
}

/** `bytes 0-99/1234`: the last number. */
function totalOf({ headers }: Response): number | undefined {
  const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}

/** `bytes 0-99/1234`: the first number. */
function startOf({ headers }: Response): number | undefined {
  const start = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}
