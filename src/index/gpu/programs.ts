import choose from './kernels/choose.wgsl?raw';
import collect from './kernels/collect.wgsl?raw';
import dotPacked from './kernels/dot-packed.wgsl?raw';
import dotUnpacked from './kernels/dot-unpacked.wgsl?raw';
import histogram from './kernels/histogram.wgsl?raw';
import scanCodes from './kernels/scan-codes.wgsl?raw';
import scanFloats from './kernels/scan-floats.wgsl?raw';
import span from './kernels/span.wgsl?raw';
import state from './kernels/state.wgsl?raw';
import { compile, type Program, type ProgramSource } from './program.ts';

/** Values of a digit of the selection: 11 bits. */
export const BINS = 2048;
/** Keys that a workgroup of the selection goes through. */
export const KEYS_OF_GROUP = 4096;

/** Kinds of codes that there are kernels for. */
export type ScannedKind = 'float32' | 'int8' | 'int4';

/** The kernels of a scanner. */
export type ProgramName =
  | ScannedKind
  | 'countKeys'
  | 'chooseKey'
  | 'countPositions'
  | 'choosePosition'
  | 'collect';

export type Programs = Readonly<Record<ProgramName, Program>>;

/**
 * Compiles all kernels side by side.
 *
 * @param packed - whether the device's WGSL has `dot4I8Packed`.
 * @throws SternaError `no-webgpu` for one that does not compile.
 */
export async function compilePrograms(device: GPUDevice, packed: boolean): Promise<Programs> {
  const named = await Promise.all(
    Object.entries(sources(packed)).map(async ([name, source]) => [name, await compile(device, source)]),
  );
  return Object.fromEntries(named);
}

function sources(packed: boolean): Record<ProgramName, ProgramSource> {
  const scan = (label: string, code: string, constants: ProgramSource['constants']): ProgramSource => ({
    label: `scan of ${label}`,
    code: span + code,
    constants,
    buffers: ['read', 'write', 'read', 'read'],
  });
  const codes = (packed ? dotPacked : dotUnpacked) + scanCodes;
  const count = (label: string, OF_POSITION: boolean): ProgramSource => ({
    label: `histogram of ${label}`,
    code: state + histogram,
    constants: { OF_POSITION, BINS, SPAN: KEYS_OF_GROUP },
    buffers: ['read', 'read', 'write'],
  });
  const decide = (label: string, OF_POSITION: boolean): ProgramSource => ({
    label: `choice of ${label}`,
    code: state + choose,
    constants: { OF_POSITION, BINS },
    buffers: ['write', 'write'],
  });
  return {
    float32: scan('float32', scanFloats, {}),
    int8: scan('int8', codes, { NIBBLES: false }),
    int4: scan('int4', codes, { NIBBLES: true }),
    countKeys: count('keys', false),
    chooseKey: decide('keys', false),
    countPositions: count('positions', true),
    choosePosition: decide('positions', true),
    collect: {
      label: 'collect',
      code: collect,
      constants: { SPAN: KEYS_OF_GROUP },
      buffers: ['read', 'read', 'write', 'write'],
    },
  };
}
