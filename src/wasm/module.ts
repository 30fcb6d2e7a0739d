/** The import of the memory, up to the byte of its flags: `env`, `memory`, kind 2. */
const MEMORY_IMPORT = [3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2];
const SHARED = 3;
const NOT_SHARED = 1;

/**
 * A module of kernels that is compiled for shared memory. One bit of its import says so, and nothing else in it depends
 * on it: the module for the memory of one thread is the same one with that bit cleared.
 */
export class KernelModule {
  /**
   * @param code - base64 of compressed bytes (raw deflate), several modules one after another.
   * @param start - where this one begins, in bytes that are no longer compressed.
   */
  constructor(
    private readonly code: string,
    private readonly start: number,
    private readonly end: number,
  ) {}

  /** @param shared - whether the memory that it will import is shared between threads. */
  async compile(shared: boolean): Promise<WebAssembly.Module> {
    return WebAssembly.compile(await this.bytes(shared));
  }

  /** Whether this engine knows all its instructions. */
  async isSupported(): Promise<boolean> {
    return typeof WebAssembly === 'object' && WebAssembly.validate(await this.bytes(false));
  }

  private async bytes(shared: boolean): Promise<Uint8Array<ArrayBuffer>> {
    const stream = new Blob([decode(this.code)]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer()).slice(this.start, this.end);
    return forMemory(bytes, shared);
  }
}

/** A {@link KernelModule} of few kilobytes, which is not compressed and so is there at once. */
export class InstantKernelModule {
  /** @param code - base64 of the module. */
  constructor(private readonly code: string) {}

  /**
   * @param shared - whether the memory that it will import is shared between threads.
   * @throws whatever the engine throws where WebAssembly is forbidden, by the page's policy for one.
   */
  compile(shared: boolean): WebAssembly.Module {
    return new WebAssembly.Module(forMemory(decode(this.code), shared));
  }

  /** Whether this engine knows all its instructions. */
  isSupported(): boolean {
    return typeof WebAssembly === 'object' && WebAssembly.validate(forMemory(decode(this.code), false));
  }
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The module, which is changed in place, for a memory that is shared or for one that is not. */
function forMemory(bytes: Uint8Array<ArrayBuffer>, shared: boolean): Uint8Array<ArrayBuffer> {
  const at = bytes.findIndex((_, start) => MEMORY_IMPORT.every((byte, i) => bytes[start + i] === byte));
  const flags = at + MEMORY_IMPORT.length;
  if (at < 0 || bytes[flags] !== SHARED) throw new Error('The kernels import no shared memory.');
  if (!shared) bytes[flags] = NOT_SHARED;
  return bytes;
}
