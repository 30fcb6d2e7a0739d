import { SternaError } from '../../errors.ts';

/** The flags of WebGPU that are used here, as numbers: outside browsers the globals that name them are missing. */
export const Usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const;
export const MAP_READ = 0x1;
const COMPUTE_STAGE = 0x4;

/** A kernel to compile. Its binding 0 is a uniform with a dynamic offset. */
export interface ProgramSource {
  /** For people, in messages and in GPU debuggers. */
  readonly label: string;
  /** WGSL without its constants. */
  readonly code: string;
  /** Declared in front of the code. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** The storage buffers from binding 1 on: whether they are read or written. */
  readonly buffers: readonly ('read' | 'write')[];
}

/** A compiled kernel. */
export interface Program {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** @throws SternaError `no-webgpu` where the adapter does not compile it. */
export async function compile(device: GPUDevice, source: ProgramSource): Promise<Program> {
  const { label } = source;
  const module = device.createShaderModule({ label, code: declarations(source) + source.code });
  const layout = device.createBindGroupLayout({ label, entries: entries(source) });
  try {
    const pipeline = await device.createComputePipelineAsync({
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    return { label, pipeline, layout };
  } catch (error) {
    const { messages } = await module.getCompilationInfo();
    const words = messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`).join('; ');
    throw new SternaError(
      'no-webgpu',
      `The kernel ${label} does not compile on this adapter: ${words || (error as Error).message}. Search on the processor.`,
      { cause: error },
    );
  }
}

function declarations({ constants = {} }: ProgramSource): string {
  return Object.entries(constants)
    .map(([name, value]) => `const ${name} = ${typeof value === 'number' ? `${value}u` : value};\n`)
    .join('');
}

function entries({ buffers }: ProgramSource): GPUBindGroupLayoutEntry[] {
  const uniform: GPUBufferBindingLayout = { type: 'uniform', hasDynamicOffset: true };
  const storage = buffers.map((use): GPUBufferBindingLayout => {
    return { type: use === 'read' ? 'read-only-storage' : 'storage' };
  });
  return [uniform, ...storage].map((buffer, binding) => ({ binding, visibility: COMPUTE_STAGE, buffer }));
}
