import { SternaError } from '../errors.ts';
import { ByteCache } from './byte-cache.ts';
import { corruptShards } from './corrupt.ts';
import type { RangedFile } from './manifest.ts';

/** Ranges with so few bytes between them are read as one: a request costs about as much. */
const GAP = 1024;

/** Fetches in place of the browser's `fetch`. */
export type ShardFetch = (
  address: string,
  init: { headers: Record<string, string>; signal?: AbortSignal; cache?: RequestCache },
) => Promise<Response>;

/** Bytes of a file, from `start` up to `end`. */
export interface ByteRange {
  readonly file: RangedFile;
  readonly start: number;
  readonly end: number;
}

/** What a search has fetched. */
export interface Traffic {
  bytes: number;
  requests: number;
}

/** A file is not on the server any more: it was of a build that another one has replaced. */
export class FileGone extends Error {
  constructor(readonly file: string) {
    super(`${file} is gone`);
  }
}

/** Ranges that are read by one request. */
interface Span {
  readonly file: RangedFile;
  start: number;
  end: number;
  readonly ranges: ByteRange[];
}

/** The files of a folder on a server, and what was read of them so far. */
export class RemoteFiles {
  private readonly cache: ByteCache;
  /** Whether the server answers a request of a range with the range; not known at first. */
  private servesRanges: boolean | undefined;

  /**
   * @param folder - a query string in it goes with each file.
   * @param cacheBytes - most bytes that are kept in memory.
   */
  constructor(
    private readonly folder: URL,
    private readonly fetch: ShardFetch,
    cacheBytes: number,
  ) {
    this.cache = new ByteCache(cacheBytes);
  }

  /**
   * A file as a whole, which is not kept.
   *
   * @param mostBytes - a longer file is refused.
   */
  async whole(
    name: string,
    mostBytes: number,
    traffic: Traffic,
    signal?: AbortSignal,
    cache?: RequestCache,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.request(name, {}, signal, cache);
    traffic.requests++;
    return this.body(name, response, mostBytes, traffic, signal);
  }

  /** The bytes of ranges, in their order: kept ones, or read by as few requests as there can be. They are views that are not to be written. */
  async ranges(
    ranges: readonly ByteRange[],
    traffic: Traffic,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const found = new Map<ByteRange, Uint8Array<ArrayBuffer>>();
    const missing: ByteRange[] = [];
    for (const range of ranges) {
      const kept = this.kept(range);
      if (kept) found.set(range, kept);
      else missing.push(range);
    }
    const spans = spansOf(missing);
    const read = async (span: Span) => {
      const bytes = await this.span(span, traffic, signal);
      for (const range of span.ranges) {
        const piece = bytes.slice(range.start - span.start, range.end - span.start);
        this.cache.set(keyOf(range), piece);
        found.set(range, piece);
      }
    };
    // The first answer says how to ask for the others.
    if (this.servesRanges === undefined && spans.length > 0) await read(spans.shift()!);
    if (this.servesRanges === false) await this.readWholes(spans, found, traffic, signal);
    else await Promise.all(spans.map(read));
    return ranges.map((range) => found.get(range)!);
  }

  /** Forgets a piece that turned out to be damaged. */
  forget(range: ByteRange): void {
    this.cache.delete(keyOf(range));
    this.cache.delete(range.file.name);
  }

  private kept(range: ByteRange): Uint8Array<ArrayBuffer> | undefined {
    const piece = this.cache.get(keyOf(range));
    if (piece) return piece;
    return this.cache.get(range.file.name)?.slice(range.start, range.end);
  }

  /** From a server without ranges each file is read once, as a whole. */
  private async readWholes(
    spans: readonly Span[],
    found: Map<ByteRange, Uint8Array<ArrayBuffer>>,
    traffic: Traffic,
    signal?: AbortSignal,
  ): Promise<void> {
    const ofFile = new Map<string, Span[]>();
    for (const span of spans) ofFile.set(span.file.name, [...(ofFile.get(span.file.name) ?? []), span]);
    await Promise.all(
      [...ofFile].map(async ([name, wanted]) => {
        const { file } = wanted[0];
        const whole =
          this.cache.get(name) ??
          (await this.span({ file, start: 0, end: file.bytes, ranges: [] }, traffic, signal));
        for (const range of wanted.flatMap((span) => span.ranges))
          found.set(range, whole.slice(range.start, range.end));
      }),
    );
  }

  private async span(span: Span, traffic: Traffic, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { file, start, end } = span;
    if (start === end) return new Uint8Array(0);
    const headers = { Range: `bytes=${start}-${end - 1}` };
    const response = await this.request(file.name, headers, signal);
    traffic.requests++;
    const isRange = response.status === 206;
    const wanted = isRange ? end - start : file.bytes;
    if (isRange) checkRange(file, response, start);
    const bytes = await this.body(file.name, response, wanted, traffic, signal);
    if (bytes.length !== wanted)
      throw corruptShards(file.name, `the server gave ${bytes.length} bytes; needed: ${wanted}`);
    if (isRange) {
      this.servesRanges = true;
      return bytes;
    }
    this.servesRanges ??= false;
    this.cache.set(file.name, bytes);
    return bytes.slice(start, end);
  }

  private async request(
    name: string,
    headers: Record<string, string>,
    signal?: AbortSignal,
    cache?: RequestCache,
  ): Promise<Response> {
    const address = fileIn(this.folder, name);
    let response: Response;
    try {
      response = await this.fetch(address, { headers, signal, cache });
    } catch (cause) {
      signal?.throwIfAborted();
      throw network(`${address} could not be fetched`, cause);
    }
    if (response.status === 404 || response.status === 410) throw new FileGone(address);
    if (response.status === 416) throw corruptShards(name, 'it is shorter than search.json says');
    if (!response.ok) throw network(`${address} was answered with status ${response.status}`);
    return response;
  }

  /** Reads no more than what there can be. */
  private async body(
    name: string,
    response: Response,
    mostBytes: number,
    traffic: Traffic,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const reader = response.body?.getReader();
    try {
      for (let read = await reader?.read(); read && !read.done; read = await reader!.read()) {
        length += read.value.length;
        traffic.bytes += read.value.length;
        if (length > mostBytes) throw corruptShards(name, `it has more than ${mostBytes} bytes`);
        pieces.push(read.value);
      }
    } catch (cause) {
      reader?.cancel().catch(() => {});
      signal?.throwIfAborted();
      if (cause instanceof SternaError) throw cause;
      throw network(`${name} broke off after ${length} bytes`, cause);
    }
    return join(pieces, length);
  }
}

function keyOf({ file, start, end }: ByteRange): string {
  return `${file.name} ${start} ${end}`;
}

/** Ranges that are near each other in a file, together. */
function spansOf(ranges: readonly ByteRange[]): Span[] {
  const names = (a: ByteRange, b: ByteRange) =>
    a.file.name === b.file.name ? a.start - b.start || a.end - b.end : a.file.name < b.file.name ? -1 : 1;
  const spans: Span[] = [];
  for (const range of [...ranges].sort(names)) {
    const last = spans.at(-1);
    if (last && last.file.name === range.file.name && range.start <= last.end + GAP) {
      last.end = Math.max(last.end, range.end);
      last.ranges.push(range);
    } else spans.push({ file: range.file, start: range.start, end: range.end, ranges: [range] });
  }
  return spans;
}

/** The header is hidden from pages of other origins unless the server exposes it. */
function checkRange({ name, bytes }: RangedFile, response: Response, start: number): void {
  const header = response.headers.get('Content-Range');
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '') ?? [];
  if (from === undefined) return;
  if (Number(from) !== start || (total !== '*' && Number(total) !== bytes))
    throw corruptShards(name, `the server gave "${header}"; needed: from ${start} on, of ${bytes} bytes`);
}

function join(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function fileIn(folder: URL, name: string): string {
  const address = new URL(folder);
  address.pathname = `${address.pathname.replace(/\/$/, '')}/${name}`;
  return address.href;
}

function network(words: string, cause?: unknown): SternaError {
  return new SternaError('network', `${words}. Check the connection and the address, and try again.`, {
    cause,
  });
}
