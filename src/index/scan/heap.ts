import { SternaError } from '../../errors.ts';
import type { CodeMemory } from '../vectors/quantise.ts';

const PAGE = 65536;

/** Most pages asked for, and then less, where a system reserves them at once and refuses so many. */
const MAXIMA = [65536, 32768, 16384, 8192];

/** Everything begins at a line of the cache. */
const ALIGNMENT = 64;

/**
 * Memory that is asked for beyond what is needed, so that growth is rare: at least so many pages, and this share of all. Each growth
 * makes the engine look for garbage, and what is not written to takes no place.
 */
const SPARE_PAGES = 32;
const SPARE_SHARE = 1 / 16;

/** What holds the bytes: memory of WebAssembly, or a plain buffer where there is none. */
interface GrowingMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): unknown;
}

/** Memory without WebAssembly. */
class PlainMemory implements GrowingMemory {
  buffer = new ArrayBuffer(PAGE);

  grow(pages: number): void {
    const larger = new ArrayBuffer(this.buffer.byteLength + pages * PAGE);
    new Uint8Array(larger).set(new Uint8Array(this.buffer));
    this.buffer = larger;
  }
}

/**
 * The memory of a scanner, given out in pieces and taken back in any order: columns come and go. Pieces that are free and
 * touch are one. The memory as a whole only grows, as WebAssembly's does.
 */
export class Heap implements CodeMemory {
  /** Free pieces in the order of their addresses; neighbours never touch. Address 0 means nothing and is never given out. */
  private readonly free: { start: number; end: number }[];
  private readonly sizes = new Map<number, number>();
  private usedBytes = 0;

  // Views of the whole memory, good until the next allocation. They may be of shared memory; the types say otherwise, because
  // most functions that take the one take the other as well.

  bytes!: Uint8Array<ArrayBuffer>;
  int8s!: Int8Array<ArrayBuffer>;
  words!: Uint32Array<ArrayBuffer>;
  floats!: Float32Array<ArrayBuffer>;

  private constructor(private readonly memory: GrowingMemory) {
    this.free = [{ start: ALIGNMENT, end: memory.buffer.byteLength }];
    this.look();
  }

  /** @throws SternaError `limits` where there is no memory. */
  static ofWebAssembly(shared: boolean): { heap: Heap; memory: WebAssembly.Memory } {
    const memory = makeMemory(shared);
    return { heap: new Heap(memory), memory };
  }

  static ofPlainMemory(): Heap {
    return new Heap(new PlainMemory());
  }

  /** Bytes that are given out. */
  get used(): number {
    return this.usedBytes;
  }

  /**
   * @returns the address of memory of undefined content, a multiple of 64.
   * @throws SternaError `limits` where there is no more.
   */
  allocate(bytes: number): number {
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    let at = this.free.findIndex(({ start, end }) => end - start >= size);
    if (at < 0) {
      this.grow(size);
      at = this.free.length - 1;
    }
    const piece = this.free[at];
    const address = piece.start;
    piece.start += size;
    if (piece.start === piece.end) this.free.splice(at, 1);
    this.sizes.set(address, size);
    this.usedBytes += size;
    return address;
  }

  /** Makes sure that so many bytes can be allocated in pieces, without growth in between where that can be. */
  reserve(bytes: number): void {
    const last = this.free.at(-1);
    const { length } = this.bytes;
    if (last?.end === length && length - last.start >= bytes) return;
    this.grow(bytes);
  }

  /** Takes back what {@link allocate} gave. */
  release(address: number): void {
    const size = this.sizes.get(address);
    if (size === undefined) throw new Error(`There is nothing at address ${address} to release.`);
    this.sizes.delete(address);
    this.usedBytes -= size;
    this.insertFree(address, address + size);
  }

  private insertFree(start: number, end: number): void {
    const { free } = this;
    let low = 0;
    for (let high = free.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (free[middle].start < start) low = middle + 1;
      else high = middle;
    }
    const before = free[low - 1];
    const after = free[low];
    const joinsBefore = before?.end === start;
    const joinsAfter = after?.start === end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      free.splice(low, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsAfter) after.start = start;
    else free.splice(low, 0, { start, end });
  }

  private grow(size: number): void {
    const has = this.bytes.length;
    const last = this.free.at(-1);
    const atEnd = last?.end === has ? has - last.start : 0;
    const pages = Math.ceil((size - atEnd) / PAGE);
    const spare = Math.max(SPARE_PAGES, Math.ceil((has / PAGE) * SPARE_SHARE));
    if (!this.grew(pages + spare) && !this.grew(pages)) {
      throw new SternaError(
        'limits',
        `The index needs ${has + pages * PAGE} bytes of memory in one piece and there are ${has}. ` +
          'Use fewer dimensions or smaller codes, such as int8 or int4.',
      );
    }
    this.insertFree(has, this.bytes.length);
  }

  private grew(pages: number): boolean {
    try {
      this.memory.grow(pages);
      this.look();
      return true;
    } catch {
      return false;
    }
  }

  private look(): void {
    const buffer = this.memory.buffer as ArrayBuffer;
    this.bytes = new Uint8Array(buffer);
    this.int8s = new Int8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.floats = new Float32Array(buffer);
  }
}

function makeMemory(shared: boolean): WebAssembly.Memory {
  let cause: unknown;
  for (const maximum of MAXIMA) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared });
    } catch (error) {
      cause = error;
    }
  }
  throw new SternaError('limits', `There is no WebAssembly memory: ${(cause as Error).message}`, { cause });
}
