import { SternaError } from '../../errors.ts';
import { COMPUTE_STAGE } from './device.ts';

/** What a binding of a kernel is: a uniform with a dynamic offset, or a storage buffer read or written. */
export type Binding = 'uniform' | 'read' | 'write';

/** A kernel to compile. */
export interface ProgramSource {
  /** For people, in messages and in GPU debuggers. */
  readonly label: string;
  /** WGSL without its constants. */
  readonly code: string;
  /** Declared in front of the code. */
  readonly constants: Readonly<Record<string, number | boolean>>;
  /** The buffers of group 0, in order. */
  readonly bindings: readonly Binding[];
}

/** A compiled kernel. */
export interface Program {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * Compiles a kernel, specialised by its constants. Loop bounds and strides known at compile time let the driver unroll
 * and drop bounds checks.
 */
export async function compile(device: GPUDevice, source: ProgramSource): Promise<Program> {
  const { label } = source;
  const module = device.createShaderModule({
    label,
    code: `${declarations(source.constants)}\n${source.code}`,
  });
  const layout = device.createBindGroupLayout({
    label,
    entries: source.bindings.map((binding, i) => ({
      binding: i,
      visibility: COMPUTE_STAGE,
      buffer: bufferLayout(binding),
    })),
  });
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
      `The kernel ${label} does not compile on this adapter: ${words || (error as Error).message}`,
      { cause: error },
    );
  }
}

function declarations(constants: ProgramSource['constants']): string {
  return Object.entries(constants)
    .map(([name, value]) => `const ${name} = ${literal(value)};`)
    .join('\n');
}

function literal(value: number | boolean): string {
  if (typeof value === 'boolean') return String(value);
  return Number.isInteger(value) ? `${value}u` : `f32(${value})`;
}

function bufferLayout(binding: Binding): GPUBufferBindingLayout {
  if (binding === 'uniform') return { type: 'uniform', hasDynamicOffset: true };
  return { type: binding === 'read' ? 'read-only-storage' : 'storage' };
}
