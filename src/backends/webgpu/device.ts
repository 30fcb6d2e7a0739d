import { SternaError } from '../../errors.ts';

/** The flags of WebGPU that are used here, as numbers: outside browsers the globals that name them are missing. */
export const BufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const;
export const MAP_READ = 0x1;
export const COMPUTE_STAGE = 0x4;

/** What a page can do about a missing adapter. */
const NO_ADAPTER =
  'Use a browser with WebGPU (Chrome or Edge 113+, Safari 26+, Firefox 141+ on Windows or 145+ on macOS) and hardware ' +
  'acceleration switched on, or choose device "reference".';

/** A GPU in use, and the news of its end. */
export interface OpenDevice {
  readonly device: GPUDevice;
  /** The adapter's own words, such as `nvidia ampere`. */
  readonly adapter: string;
  /** Whether a processor plays the GPU. */
  readonly software: boolean;
}

/** Asked for where the adapter has them. */
const OPTIONAL_FEATURES: readonly GPUFeatureName[] = ['shader-f16'];

/**
 * Opens a device with WebGPU's default limits, which every adapter has.
 *
 * @param gpu - `navigator.gpu`, or what Node's `webgpu` package makes.
 * @throws SternaError `no-webgpu` where there is no WebGPU or no adapter.
 */
export async function openDevice(gpu: GPU | undefined): Promise<OpenDevice> {
  if (!gpu) throw new SternaError('no-webgpu', `There is no WebGPU here. ${NO_ADAPTER}`);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new SternaError('no-webgpu', `WebGPU is here and offers no adapter. ${NO_ADAPTER}`);
  const requiredFeatures = OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({ label: 'sterna', requiredFeatures });
  return { device, adapter: describe(adapter.info), software: isSoftware(adapter) };
}

function describe({ vendor, architecture, description }: GPUAdapterInfo): string {
  return [vendor, architecture].filter(Boolean).join(' ') || description || 'unnamed adapter';
}

function isSoftware({ info }: GPUAdapter): boolean {
  const flagged = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  return (
    flagged ||
    /swiftshader|llvmpipe|lavapipe/i.test(`${info.architecture} ${info.device} ${info.description}`)
  );
}
