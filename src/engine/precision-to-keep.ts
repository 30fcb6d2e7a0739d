import type { Device, Precision } from '../types.ts';

/**
 * The number type to keep the weights of a downloaded model in: what was asked for, or what suits the device. `auto` is float16 where
 * there is a GPU that has it, and 8 bits anywhere else.
 */
export async function precisionToKeep({
  device,
  precision,
  gpu,
}: {
  readonly device: Device;
  readonly precision: Precision | 'auto';
  readonly gpu: () => Promise<GPU | undefined>;
}): Promise<Precision> {
  if (precision !== 'auto') return precision;
  if (device === 'reference') return 'f32';
  if (device === 'wasm') return 'q8';
  const adapter = await (await gpu())?.requestAdapter().catch(() => null);
  return adapter?.features.has('shader-f16') && !adapter.info.isFallbackAdapter ? 'f16' : 'q8';
}
