import type { EncoderShape } from '../../encoder/backend.ts';
import attention from './kernels/attention.wgsl?raw';
import firstRows from './kernels/first-rows.wgsl?raw';
import gatedLinear from './kernels/gated-linear.wgsl?raw';
import gelu from './kernels/gelu.wgsl?raw';
import linear from './kernels/linear.wgsl?raw';
import norm from './kernels/norm.wgsl?raw';
import rotate from './kernels/rotate.wgsl?raw';
import type { ProgramSource } from './program.ts';

/** Every kernel of an encoder, by the place where it is used. */
export type ProgramName =
  | 'qkv'
  | 'output'
  | 'up'
  | 'gatedUp'
  | 'down'
  | 'norm'
  | 'addNorm'
  | 'rotate'
  | 'attention'
  | 'firstRows';

/** The kernels of an encoder, specialised for its shape. */
export function programSources(shape: EncoderShape): Record<ProgramName, ProgramSource> {
  const { hiddenSize, intermediateSize, heads, headSize } = shape;
  const linearOf = (label: string, inner: number, outputs: number, withGelu = false): ProgramSource => ({
    label,
    code: gelu + linear,
    constants: { INNER: inner / 4, OUTPUTS: outputs / 4, GELU: withGelu },
    bindings: ['uniform', 'read', 'read', 'read', 'write'],
  });
  const normOf = (label: string, added: boolean): ProgramSource => ({
    label,
    code: norm,
    constants: { COLUMNS: hiddenSize / 4, ADDED: added },
    bindings: ['uniform', 'read', 'read', 'read', 'write'],
  });
  return {
    qkv: linearOf('qkv', hiddenSize, 3 * hiddenSize),
    output: linearOf('attention output', hiddenSize, hiddenSize),
    up: linearOf('up', hiddenSize, intermediateSize, true),
    down: linearOf('down', intermediateSize, hiddenSize),
    gatedUp: {
      label: 'gated up',
      code: gelu + gatedLinear,
      constants: { INNER: hiddenSize / 4, OUTPUTS: intermediateSize / 4 },
      bindings: ['uniform', 'read', 'read', 'read', 'write'],
    },
    norm: normOf('norm', false),
    addNorm: normOf('add and norm', true),
    rotate: {
      label: 'rotate',
      code: rotate,
      constants: { HEADS: heads, HEAD_SIZE: headSize / 4 },
      bindings: ['read', 'read', 'write'],
    },
    attention: {
      label: 'attention',
      code: attention,
      constants: { HEADS: heads, BLOCKS: headSize / 16, SCALE: 1 / Math.sqrt(headSize) },
      bindings: ['uniform', 'read', 'read', 'read', 'write'],
    },
    firstRows: {
      label: 'first rows',
      code: firstRows,
      constants: { COLUMNS: hiddenSize / 4 },
      bindings: ['read', 'read', 'write'],
    },
  };
}
