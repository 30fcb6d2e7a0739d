import { type Program, Usage } from './program.ts';

/** Dynamic offsets of uniforms are multiples of this on every adapter. */
const SLOT_BYTES = 256;

/** One kernel run. */
export interface Dispatch {
  readonly program: Program;
  /** 32-bit words of the uniform. */
  readonly params: readonly number[];
  /** Storage buffers from binding 1 on. */
  readonly buffers: readonly GPUBuffer[];
  readonly workgroups: readonly [x: number, y?: number];
}

/** Buffers that are used by one submission after another, by name. They grow. */
export class Workspace {
  private readonly buffers = new Map<string, GPUBuffer>();

  constructor(private readonly device: GPUDevice) {}

  /** A buffer of at least so many bytes. What a smaller one held is lost; a new one holds zeros. */
  get(label: string, bytes: number, usage: number): GPUBuffer {
    const present = this.buffers.get(label);
    if (present && present.size >= bytes) return present;
    // What was submitted before still finds it.
    present?.destroy();
    const buffer = this.device.createBuffer({
      label,
      size: Math.ceil(Math.max(bytes, 256) / 256) * 256,
      usage,
    });
    this.buffers.set(label, buffer);
    return buffer;
  }

  /** As {@link get}, filled with words. */
  write(
    label: string,
    words: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
    usage: number,
  ): GPUBuffer {
    const buffer = this.get(label, words.byteLength, usage | Usage.copyTarget);
    this.device.queue.writeBuffer(buffer, 0, words);
    return buffer;
  }

  destroy(): void {
    for (const buffer of this.buffers.values()) buffer.destroy();
    this.buffers.clear();
  }
}

/** Puts kernel runs into one compute pass, in order. Their uniforms lie side by side in one buffer. */
export function encodePass(
  device: GPUDevice,
  workspace: Workspace,
  encoder: GPUCommandEncoder,
  dispatches: readonly Dispatch[],
): void {
  const words = new Uint32Array((dispatches.length * SLOT_BYTES) / 4);
  for (const [i, { params }] of dispatches.entries()) words.set(params, (i * SLOT_BYTES) / 4);
  const uniforms = workspace.write('uniforms', words, Usage.uniform);
  const pass = encoder.beginComputePass();
  for (const [i, { program, buffers, workgroups }] of dispatches.entries()) {
    const resources = [{ buffer: uniforms, size: SLOT_BYTES }, ...buffers.map((buffer) => ({ buffer }))];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    pass.setPipeline(program.pipeline);
    pass.setBindGroup(0, device.createBindGroup({ label: program.label, layout: program.layout, entries }), [
      i * SLOT_BYTES,
    ]);
    pass.dispatchWorkgroups(...(workgroups as [number, number]));
  }
  pass.end();
}
