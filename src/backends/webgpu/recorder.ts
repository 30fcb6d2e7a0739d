import { SternaError } from '../../errors.ts';
import { BufferUsage } from './device.ts';
import type { Program } from './program.ts';

/** Dynamic offsets of uniforms are multiples of this on every adapter. */
const SLOT_BYTES = 256;

/**
 * Work after which a submit is cut off, in multiply-adds. Watchdogs of operating systems reset a GPU that is busy for
 * about two seconds; this is 0.2 s at 0.3 TFLOP/s, and thousands of short operations still go in one submit.
 */
const SUBMIT_WORK = 3e10;

/** One kernel run. */
export interface Dispatch {
  readonly program: Program;
  /** 32-bit words of the uniform, if the kernel has one. */
  readonly params?: readonly number[];
  /** Storage buffers in the order of the program's bindings. */
  readonly buffers: readonly GPUBuffer[];
  readonly workgroups: readonly [x: number, y?: number];
  /** Multiply-adds, roughly. */
  readonly work: number;
}

/**
 * Collects the kernel runs of a batch and submits them in as few command buffers as watchdogs allow, one compute
 * pass in each. Uniforms lie side by side in one buffer; bind groups are kept from batch to batch.
 */
export class Recorder {
  private readonly dispatches: Dispatch[] = [];
  private readonly groups = new Map<Program, Map<string, GPUBindGroup>>();
  private readonly names = new WeakMap<GPUBuffer, number>();
  private named = 0;
  private params: GPUBuffer | undefined;

  constructor(private readonly device: GPUDevice) {}

  add(dispatch: Dispatch): void {
    const [x, y = 1] = dispatch.workgroups;
    const most = this.device.limits.maxComputeWorkgroupsPerDimension;
    if (x > most || y > most) {
      throw new SternaError(
        'limits',
        `${dispatch.program.label} needs ${x} × ${y} workgroups and this device runs at most ${most} in one direction. ` +
          'Use a smaller batchTokens.',
      );
    }
    this.dispatches.push(dispatch);
  }

  /** Submits what was added, in order. */
  flush(): void {
    if (this.dispatches.length === 0) return;
    const offsets = this.writeParams();
    let encoder = this.device.createCommandEncoder();
    let pass = encoder.beginComputePass();
    let work = 0;
    for (const [i, dispatch] of this.dispatches.entries()) {
      if (work > 0 && work + dispatch.work > SUBMIT_WORK) {
        pass.end();
        this.device.queue.submit([encoder.finish()]);
        encoder = this.device.createCommandEncoder();
        pass = encoder.beginComputePass();
        work = 0;
      }
      work += dispatch.work;
      pass.setPipeline(dispatch.program.pipeline);
      pass.setBindGroup(0, this.group(dispatch), dispatch.params ? [offsets[i]] : []);
      pass.dispatchWorkgroups(...(dispatch.workgroups as [number, number]));
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
    this.dispatches.length = 0;
  }

  /** Drops what was added, after a failure. */
  discard(): void {
    this.dispatches.length = 0;
  }

  /** Forgets bind groups, as buffers that they hold are about to go. */
  forget(): void {
    this.groups.clear();
  }

  destroy(): void {
    this.params?.destroy();
    this.groups.clear();
  }

  /** Puts all uniforms in one buffer, equal ones once. */
  private writeParams(): number[] {
    const slots = new Map<string, number>();
    const offsets = this.dispatches.map(({ params }) => {
      if (!params) return 0;
      const key = params.join();
      if (!slots.has(key)) slots.set(key, slots.size * SLOT_BYTES);
      return slots.get(key)!;
    });
    if (slots.size === 0) return offsets;
    const words = new Uint32Array((slots.size * SLOT_BYTES) / 4);
    for (const [key, offset] of slots) words.set(key.split(',').map(Number), offset / 4);
    if (!this.params || this.params.size < words.byteLength) {
      this.params?.destroy();
      this.forget();
      this.params = this.device.createBuffer({
        label: 'params',
        size: Math.max(words.byteLength, 16 * SLOT_BYTES),
        usage: BufferUsage.uniform | BufferUsage.copyTarget,
      });
    }
    this.device.queue.writeBuffer(this.params, 0, words);
    return offsets;
  }

  private group({ program, params, buffers }: Dispatch): GPUBindGroup {
    const key = buffers.map((buffer) => this.nameOf(buffer)).join();
    const groups = this.groups.get(program) ?? new Map<string, GPUBindGroup>();
    this.groups.set(program, groups);
    let group = groups.get(key);
    if (!group) {
      const bound = params ? [{ buffer: this.params!, size: 16 }, ...buffers.map(whole)] : buffers.map(whole);
      group = this.device.createBindGroup({
        label: program.label,
        layout: program.layout,
        entries: bound.map((resource, binding) => ({ binding, resource })),
      });
      groups.set(key, group);
    }
    return group;
  }

  private nameOf(buffer: GPUBuffer): number {
    if (!this.names.has(buffer)) this.names.set(buffer, ++this.named);
    return this.names.get(buffer)!;
  }
}

function whole(buffer: GPUBuffer): GPUBufferBinding {
  return { buffer };
}
