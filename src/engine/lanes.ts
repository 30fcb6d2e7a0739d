import { SternaError } from '../errors.ts';
import type { Device, Precision } from '../types.ts';

/** A device by its name. */
export type NamedDevice = Exclude<Device, 'auto'>;

/** One way to run a model. */
export interface Lane {
  readonly device: NamedDevice;
  readonly precision: Precision;
  /** Whether relaxed SIMD is left out, on `wasm`. */
  readonly plain?: boolean;
}

/** What each device can keep weights in, the one for `auto` first, and what it steps down to next where one computes wrong numbers. */
const PRECISIONS: Readonly<Record<NamedDevice, readonly Precision[]>> = {
  webgpu: ['f16', 'f32', 'q8', 'q4'],
  wasm: ['q8', 'f32', 'q4'],
  reference: ['f32', 'f16', 'q8', 'q4'],
};

/**
 * The ways to run a model that satisfy what was asked for. Each list is of one device, with what to step down to after what; the lists
 * are in the order in which devices are expected to be fast.
 *
 * @throws SternaError `invalid-input` where no device that was allowed has the precision.
 */
export function lanesFor(device: Device, precision: Precision | 'auto'): Lane[][] {
  const devices: NamedDevice[] = device === 'auto' ? ['webgpu', 'wasm'] : [device];
  const lanes = devices
    .map((name) => lanesOf(name, precision, device === 'auto'))
    .filter(({ length }) => length > 0);
  if (lanes.length > 0) return lanes;
  const able = Object.entries(PRECISIONS).filter(([, all]) => all.includes(precision as Precision));
  throw new SternaError(
    'invalid-input',
    `precision is "${precision}" on device "${device}"; needed for it: device ${able.map(([name]) => `"${name}"`).join(' or ')}.`,
  );
}

function lanesOf(device: NamedDevice, precision: Precision | 'auto', anyDevice: boolean): Lane[] {
  const all = PRECISIONS[device];
  let wanted: readonly Precision[] = all.filter((one) => one === precision);
  if (precision === 'auto') wanted = device === 'reference' ? ['f32'] : all.slice(0, 2);
  // Where the device is free, float16 that is missing or wrong gives way to float32, on the GPU and then elsewhere.
  else if (precision === 'f16' && anyDevice) wanted = device === 'webgpu' ? ['f16', 'f32'] : ['f32'];
  const lanes = wanted.map((one): Lane => ({ device, precision: one }));
  return device === 'wasm' ? lanes.flatMap((lane) => [lane, { ...lane, plain: true }]) : lanes;
}

/** `webgpu in f16` */
export function nameOfLane({ device, precision, plain }: Lane): string {
  return `${device} in ${precision}${plain ? ', plain SIMD' : ''}`;
}
