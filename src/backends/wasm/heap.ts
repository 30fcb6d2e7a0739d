import { SternaError } from '../../errors.ts';

const PAGE = 65536;

/** Most pages asked for, and then less, where a system reserves them at once and refuses so many. */
const MAXIMA = [65536, 32768, 16384, 8192];

/** Rows of matrices begin at a line of the cache. */
const ALIGNMENT = 64;

/**
 * The memory of the kernels: given out from the beginning to the end, and taken back from the end. It only grows, as
 * WebAssembly's does.
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  private top = ALIGNMENT; // address 0 means nothing

  constructor(readonly shared: boolean) {
    this.memory = makeMemory(shared);
  }

  /** Where the next allocation begins; {@link release} takes back everything from there on. */
  get mark(): number {
    return this.top;
  }

  /**
   * @returns the address of memory of undefined content.
   * @throws SternaError `limits` where there is no more.
   */
  allocate(bytes: number): number {
    const address = this.top;
    const end = address + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.grow(Math.ceil(missing / PAGE));
    this.top = end;
    return address;
  }

  release(mark: number): void {
    this.top = mark;
  }

  /** Views are good until the next allocation. */
  floats(address: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.memory.buffer as ArrayBuffer, address, length);
  }

  words(address: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.memory.buffer as ArrayBuffer, address, length);
  }

  bytes(address: number, length: number): Int8Array<ArrayBuffer> {
    return new Int8Array(this.memory.buffer as ArrayBuffer, address, length);
  }

  private grow(pages: number): void {
    // In larger steps than needed: each one may be a copy of everything.
    const spare = Math.ceil(this.memory.buffer.byteLength / PAGE / 4);
    for (const more of [pages + spare, pages]) {
      try {
        this.memory.grow(more);
        return;
      } catch {
        // Tried with less, or refused below.
      }
    }
    const has = this.memory.buffer.byteLength;
    throw new SternaError(
      'limits',
      `The model needs ${has + pages * PAGE} bytes of WebAssembly memory and this browser gives ${has}. ` +
        'Choose a smaller model, shorter texts, or another device.',
    );
  }
}

function makeMemory(shared: boolean): WebAssembly.Memory {
  for (const maximum of MAXIMA) {
    try {
      return new WebAssembly.Memory({ initial: 16, maximum, shared });
    } catch (error) {
      if (maximum === MAXIMA.at(-1)) {
        throw new SternaError('limits', `There is no WebAssembly memory: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
  }
  throw new Error('unreachable');
}
