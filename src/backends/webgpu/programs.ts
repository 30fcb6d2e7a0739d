import type { EncoderShape } from '../../encoder/backend.ts';
import type { Precision } from '../../types.ts';
import attention from './kernels/attention.wgsl?raw';
import attentionTiled from './kernels/attention-tiled.wgsl?raw';
import finish from './kernels/finish.wgsl?raw';
import firstRows from './kernels/first-rows.wgsl?raw';
import gelu from './kernels/gelu.wgsl?raw';
import linear from './kernels/linear.wgsl?raw';
import linearTiled from './kernels/linear-tiled.wgsl?raw';
import norm from './kernels/norm.wgsl?raw';
import rotate from './kernels/rotate.wgsl?raw';
import type { ProgramSource } from './program.ts';
import { nameOf, type Tile, withGate } from './tiles.ts';
import { unroll } from './unroll.ts';
import { weightFormats } from './weight-format.ts';

/** What a projection does with its sums: nothing, GELU, or up · GELU(gate). */
export type LinearKind = 'plain' | 'gelu' | 'gated';

/** The tile that a kind of projection really has. */
export function tileOf(tile: Tile, kind: LinearKind): Tile {
  return kind === 'gated' ? withGate(tile) : tile;
}

/** Sources that were put together before; a batch asks for some hundred. */
const linearSources = new Map<string, ProgramSource>();

/** A projection by a tile, of weights in a number type. */
export function linearSource(tile: Tile, kind: LinearKind, precision: Precision): ProgramSource {
  const real = tileOf(tile, kind);
  const label = `${kind} linear in ${precision} by ${nameOf(real)}`;
  const present = linearSources.get(label);
  if (present) return present;
  const format = weightFormats[precision];
  const sizes = { ROWS: real.rows, COLUMNS: real.columns, HALVES: kind === 'gated' ? 2 : 1 };
  const body = unroll(real.kernel === 'registers' ? linear : linearTiled, sizes);
  const source: ProgramSource = {
    label,
    code: gelu + finish + format.code + body,
    features: precision === 'f16' ? ['f16'] : [],
    constants: { ...sizes, ...format.constants, GELU: kind === 'gelu' },
    bindings: ['uniform', 'read', 'read', 'write', 'read', ...(format.scaled ? ['read' as const] : [])],
  };
  linearSources.set(label, source);
  return source;
}

/** The kernels that are no projections, by name. */
export type ProgramName = 'norm' | 'addNorm' | 'rotate' | 'attention' | 'attentionTiled' | 'firstRows';

/** These kernels, specialised for a shape. */
export function programSources(shape: EncoderShape): Record<ProgramName, ProgramSource> {
  const { hiddenSize, heads, headSize } = shape;
  const normOf = (label: string, added: boolean): ProgramSource => ({
    label,
    code: norm,
    constants: { COLUMNS: hiddenSize / 4, ADDED: added },
    bindings: ['uniform', 'read', 'read', 'read', 'write'],
  });
  const attentionSizes = { HEADS: heads, BLOCKS: headSize / 16, SCALE: 1 / Math.sqrt(headSize), LANES: 4 };
  return {
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
      code: unroll(attention, { LANES: 4 }),
      constants: attentionSizes,
      bindings: ['uniform', 'read', 'read', 'read', 'write'],
    },
    attentionTiled: {
      label: 'attention by tiles',
      code: unroll(attentionTiled, { LANES: 4 }),
      constants: attentionSizes,
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
