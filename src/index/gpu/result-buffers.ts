import { Usage } from './program.ts';

/** Buffers that are kept for later scans. */
const MOST_IDLE = 4;
/** Sizes are multiples of this, so that a buffer is of use to a scan for a few rows more. */
const GRAIN = 4096;

/** Buffers through which results come back. A scan has one of its own until it has read it. */
export class ResultBuffers {
  private readonly idle: GPUBuffer[] = [];
  private destroyed = false;

  constructor(private readonly device: GPUDevice) {}

  /** A buffer of at least so many bytes. */
  take(bytes: number): GPUBuffer {
    const at = this.idle.findIndex(({ size }) => size >= bytes);
    if (at >= 0) return this.idle.splice(at, 1)[0];
    const size = Math.ceil(bytes / GRAIN) * GRAIN;
    return this.device.createBuffer({ label: 'results', size, usage: Usage.mapRead | Usage.copyTarget });
  }

  /** Keeps a buffer that is no longer mapped. */
  giveBack(buffer: GPUBuffer): void {
    this.idle.push(buffer);
    const most = this.destroyed ? 0 : MOST_IDLE;
    if (this.idle.length > most) this.idle.shift()!.destroy();
  }

  destroy(): void {
    this.destroyed = true;
    for (const buffer of this.idle.splice(0)) buffer.destroy();
  }
}
