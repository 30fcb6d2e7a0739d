import { SternaError } from '../errors.ts';

/** Starts another thread, which runs {@link serveChunks} with what it is sent first. */
export type ThreadStarter = (start: ThreadStart) => Promise<Thread>;

/** What a thread needs to take part. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of the words by which threads agree. */
  readonly control: number;
  /** Its number; the caller of {@link Crew.run} is 0. */
  readonly thread: number;
  /** See {@link SPINS}. */
  readonly spins: number;
}

export interface Thread {
  terminate(): void;
}

/** The words by which threads agree. */
export const CONTROL_WORDS = 8;
const GENERATION = 0;
const NEXT = 1;
const CHUNKS = 2;
const JOB = 3;
const BUSY = 4;
const SCRATCH = 5;
const SCRATCH_BYTES = 6;

/** How long a thread may take for a chunk, in milliseconds: thousands of times what it takes, unless it is dead. */
const PATIENCE = 60_000;

/**
 * How often a thread looks for work before it sleeps: about a millisecond. The gaps between jobs, and between the batches of
 * somebody who types, are shorter than it takes to be woken.
 */
const SPINS = 300_000;

type Run = (job: number, chunk: number, scratch: number) => void;

/** What modules of kernels export. */
interface Kernels {
  readonly run: Run;
  readonly probe: (weight: number, feature: number) => number;
}

/**
 * Threads that do the chunks of a job together: whoever is free takes the next one. The calling thread takes part, so one
 * thread needs no other.
 */
export class Crew {
  private constructor(
    private readonly run: Run,
    /** What relaxed SIMD makes of a product of bytes; see backends/wasm/assembly/index.ts. */
    readonly probe: Kernels['probe'],
    private readonly control: Int32Array,
    private readonly threads: readonly Thread[],
  ) {}

  /** Threads that work, the caller included. */
  get size(): number {
    return this.threads.length + 1;
  }

  static async start(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    control: number,
    size: number,
    startThread: ThreadStarter | undefined,
  ): Promise<Crew> {
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    const threads: Thread[] = [];
    try {
      for (let thread = 1; thread < size && startThread; thread++)
        threads.push(await startThread({ module, memory, control, thread, spins: SPINS }));
    } catch (error) {
      for (const thread of threads) thread.terminate();
      throw error;
    }
    const words = new Int32Array(memory.buffer, control, CONTROL_WORDS);
    const { run, probe } = instance.exports as unknown as Kernels;
    return new Crew(run, probe, words, threads);
  }

  /** A crew of the calling thread alone, at once. */
  static alone(module: WebAssembly.Module, memory: WebAssembly.Memory): Crew {
    const { run, probe } = new WebAssembly.Instance(module, { env: { memory } })
      .exports as unknown as Kernels;
    return new Crew(run, probe, new Int32Array(0), []);
  }

  /**
   * Does all chunks of a job.
   *
   * @param scratch - memory that is divided among the threads, `scratchBytes` for each.
   */
  do(job: number, chunks: number, scratch: number, scratchBytes: number): void {
    if (chunks === 1 || this.threads.length === 0) {
      this.doAlone(job, chunks, scratch);
      return;
    }
    const { control } = this;
    control[JOB] = job;
    control[CHUNKS] = chunks;
    control[SCRATCH] = scratch;
    control[SCRATCH_BYTES] = scratchBytes;
    control[NEXT] = 0;
    Atomics.store(control, BUSY, this.threads.length);
    Atomics.add(control, GENERATION, 1);
    Atomics.notify(control, GENERATION);
    for (let chunk = Atomics.add(control, NEXT, 1); chunk < chunks; chunk = Atomics.add(control, NEXT, 1))
      this.run(job, chunk, scratch);
    // The others have at most a chunk left each: waiting in a loop is shorter than to be woken.
    for (let turn = 0; turn < SPINS; turn++) if (Atomics.load(control, BUSY) === 0) return;
    for (let busy = Atomics.load(control, BUSY); busy > 0; busy = Atomics.load(control, BUSY)) {
      if (Atomics.wait(control, BUSY, busy, PATIENCE) === 'timed-out') {
        throw new SternaError(
          'worker',
          `${busy} of ${this.size} threads do not answer; load the model again.`,
        );
      }
    }
  }

  /** Does all chunks in the calling thread: the others would take longer to wake up. */
  doAlone(job: number, chunks: number, scratch: number): void {
    for (let chunk = 0; chunk < chunks; chunk++) this.run(job, chunk, scratch);
  }

  dispose(): void {
    for (const thread of this.threads) thread.terminate();
  }
}

/**
 * What the other threads do, until they are terminated: wait for a job, take chunks of it while there are some, say so when there
 * are none. It stands on its own, so that it can be sent to a thread as text.
 */
export function serveChunks({ module, memory, control: address, thread, spins }: ThreadStart): void {
  const control = new Int32Array(memory.buffer, address, 8);
  const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports as { run: Run };
  const [generation, next, chunks, job, busy, scratch, scratchBytes] = [0, 1, 2, 3, 4, 5, 6];
  let seen = 0;
  for (;;) {
    for (let turn = 0; turn < spins && Atomics.load(control, generation) === seen; turn++);
    while (Atomics.load(control, generation) === seen) Atomics.wait(control, generation, seen);
    seen = Atomics.load(control, generation);
    const count = control[chunks];
    const own = control[scratch] + thread * control[scratchBytes];
    for (let chunk = Atomics.add(control, next, 1); chunk < count; chunk = Atomics.add(control, next, 1))
      run(control[job], chunk, own);
    if (Atomics.sub(control, busy, 1) === 1) Atomics.notify(control, busy);
  }
}
