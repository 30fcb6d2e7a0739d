/** What the engines run on, as far as a page is told. */
export interface Machine {
  readonly userAgent: string;
  /** Processors that the browser admits to. */
  readonly processors: number;
  /** Whether the page has shared memory, and so threads. */
  readonly isolated: boolean;
  readonly adapter?: Adapter;
}

/** What WebGPU runs on. */
export interface Adapter {
  readonly name: string;
  /** Whether a processor plays the GPU. */
  readonly software: boolean;
  /** Whether it computes in 16 bits. */
  readonly halves: boolean;
}

/** More threads are of no use to an encoder of this size; Sterna takes no more by itself. */
const MOST_THREADS = 8;

export async function lookAround(): Promise<Machine> {
  return {
    userAgent: navigator.userAgent,
    processors: navigator.hardwareConcurrency,
    isolated: crossOriginIsolated,
    adapter: await findAdapter(),
  };
}

/** Numbers of threads to choose from, most first: that of the processors, and powers of two below. */
export function threadCounts({ processors, isolated }: Machine): number[] {
  const most = isolated ? Math.min(processors, MOST_THREADS) : 1;
  return [most, ...[4, 2, 1].filter((count) => count < most)];
}

async function findAdapter(): Promise<Adapter | undefined> {
  // Both engines ask for the same one.
  const adapter = await (navigator.gpu as GPU | undefined)
    ?.requestAdapter({ powerPreference: 'high-performance' })
    .catch(() => null);
  if (!adapter) return undefined;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  return {
    name: [vendor, architecture].filter(Boolean).join(' ') || description || 'unnamed',
    software:
      isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${device} ${description}`),
    halves: adapter.features.has('shader-f16'),
  };
}
