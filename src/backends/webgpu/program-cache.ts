import { compile, compileLate, type Program, type ProgramSource } from './program.ts';

/** The compiled kernels of a device, by their labels. */
export class ProgramCache {
  private readonly programs = new Map<string, Program>();

  constructor(private readonly device: GPUDevice) {}

  /**
   * Compiles kernels side by side.
   *
   * @throws SternaError `no-webgpu` for one that does not compile.
   */
  async compile(sources: readonly ProgramSource[], onProgress?: (done: number) => void): Promise<void> {
    let done = 0;
    const missing = sources.filter(({ label }) => !this.programs.has(label));
    onProgress?.(sources.length - missing.length);
    await Promise.all(
      missing.map(async (source) => {
        this.programs.set(source.label, await compile(this.device, source));
        onProgress?.(sources.length - missing.length + ++done);
      }),
    );
  }

  /** A kernel; one that was not thought of before is compiled when it first runs. */
  get(source: ProgramSource): Program {
    const present = this.programs.get(source.label);
    if (present) return present;
    const program = compileLate(this.device, source);
    this.programs.set(source.label, program);
    return program;
  }

  has({ label }: ProgramSource): boolean {
    return this.programs.has(label);
  }
}
