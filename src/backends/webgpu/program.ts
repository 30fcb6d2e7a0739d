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
  /** WGSL features that the code needs. */
  readonly features?: readonly string[];
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
 * Compiles a kernel, specialised by its constants. Sizes known at compile time let the driver unroll and drop bounds checks.
 *
 * @throws SternaError `no-webgpu` where the adapter does not compile it.
 */
export async function compile(device: GPUDevice, source: ProgramSource): Promise<Program> {
  const { module, layout, descriptor } = describe(device, source);
  const { label } = source;
  try {
    return { label, pipeline: await device.createComputePipelineAsync(descriptor), layout };
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

/** As {@link compile}, but the device compiles when it first runs the kernel; an error turns up there. */
export function compileLate(device: GPUDevice, source: ProgramSource): Program {
  const { layout, descriptor } = describe(device, source);
  return { label: source.label, pipeline: device.createComputePipeline(descriptor), layout };
}

function describe(device: GPUDevice, { label, features = [], constants, code, bindings }: ProgramSource) {
  const enabled = features.map((feature) => `enable ${feature};\n`).join('');
  const module = device.createShaderModule({ label, code: `${enabled}${declarations(constants)}\n${code}` });
  const layout = device.createBindGroupLayout({
    label,
    entries: bindings.map((binding, i) => ({
      binding: i,
      visibility: COMPUTE_STAGE,
      buffer: bufferLayout(binding),
    })),
  });
  const descriptor: GPUComputePipelineDescriptor = {
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  };
  return { module, layout, descriptor };
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
