import { SternaError } from '../errors.ts';
import { isWeightType, type WeightType } from '../loader/dtype.ts';
import type { TensorInfo } from '../loader/safetensors.ts';
import { type BlockFormat, Q4, Q8 } from './block-codes.ts';
import type { Part } from './parts.ts';

/**
 * How a tensor is stored.
 *
 * - `numbers`: as it was trained, in F32, F16 or BF16.
 * - `blocks`: whole numbers of a {@link BlockFormat}, two in a byte where they have 4 bits (the even column in the low half), beside a
 *   tensor `….scales` of bfloat16, `[rows, blocks]`.
 * - `rows`: each row by itself, so that it can be read alone: its scale in bfloat16, then its whole numbers.
 */
export type StoredForm =
  | { readonly kind: 'numbers'; readonly dtype: WeightType; readonly transposed: boolean }
  | { readonly kind: 'blocks'; readonly format: BlockFormat }
  | { readonly kind: 'rows'; readonly bits: 4 | 8 };

/** Bytes of the scale before the whole numbers of a row. */
export const ROW_SCALE_BYTES = 2;

/** Name of the tensor with the scales of another one's blocks. */
export function scalesOf(name: string): string {
  return `${name}.scales`;
}

/** What tensors of whole numbers look like. */
export function codedShape(form: StoredForm, [rows, columns]: readonly number[]): number[] {
  if (form.kind === 'blocks') return [rows, (columns * form.format.bits) / 8];
  if (form.kind === 'rows') return [rows, ROW_SCALE_BYTES + (columns * form.bits) / 8];
  return [rows, columns];
}

/** The form of each coded tensor, by its type in the file. */
const BLOCKS: Readonly<Record<string, BlockFormat>> = { I8: Q8, U8: Q4 };

/**
 * The form in which a checkpoint holds a tensor of a part.
 *
 * @param name - with its prefix.
 * @throws SternaError `missing-tensor`, `tensor-shape`, `tensor-dtype`: the file, the tensor, what was found and what was needed.
 */
export function formOf(tensors: ReadonlyMap<string, TensorInfo>, name: string, part: Part): StoredForm {
  const tensor = tensors.get(name);
  const dtype = tensor?.dtype ?? '';
  if (tensor && part.role === 'words' && dtype === 'U8') {
    const bits = tensor.shape[1] === ROW_SCALE_BYTES + part.columns / 2 ? 4 : 8;
    const form = { kind: 'rows', bits } as const;
    checkShape(tensor, codedShape(form, part.shape));
    return form;
  }
  const isMatrix = part.role === 'attention' || part.role === 'feedForward';
  if (tensor && isMatrix && Object.hasOwn(BLOCKS, dtype)) {
    const format = BLOCKS[dtype];
    const form = { kind: 'blocks', format } as const;
    checkShape(tensor, codedShape(form, part.shape));
    const [rows, columns] = part.shape;
    const needed = [rows, Math.ceil(columns / format.block)];
    const scales = tensors.get(scalesOf(name));
    if (!scales) throw missing(tensors, scalesOf(name), needed);
    checkShape(scales, needed);
    if (scales.dtype !== 'BF16') throw wrongType(scales, 'BF16');
    return form;
  }
  const numbers = tensorOfNumbers(tensors, name, part.shape);
  return { kind: 'numbers', dtype: numbers.dtype, transposed: numbers.transposed ?? false };
}

/**
 * A tensor that is stored as numbers.
 *
 * @param name - with its prefix.
 * @throws SternaError `missing-tensor`, `tensor-shape`, `tensor-dtype`, as of {@link formOf}.
 */
export function tensorOfNumbers(
  tensors: ReadonlyMap<string, TensorInfo>,
  name: string,
  shape: readonly number[],
): TensorInfo & { readonly dtype: WeightType } {
  const tensor = tensors.get(name);
  if (!tensor) throw missing(tensors, name, shape);
  checkShape(tensor, shape);
  const { dtype } = tensor;
  if (!isWeightType(dtype)) throw wrongType(tensor, 'F32, F16 or BF16');
  return { ...tensor, dtype };
}

function missing(
  tensors: ReadonlyMap<string, TensorInfo>,
  name: string,
  needed: readonly number[],
): SternaError {
  const files = [...new Set([...tensors.values()].map(({ file }) => file))].join(', ') || 'The checkpoint';
  return new SternaError(
    'missing-tensor',
    `${files} has no tensor ${name} among its ${tensors.size}; needed by config.json: one of shape [${needed.join(', ')}].`,
  );
}

function checkShape({ file, name, shape }: TensorInfo, needed: readonly number[]): void {
  if (shape.length === needed.length && shape.every((size, i) => size === needed[i])) return;
  throw new SternaError(
    'tensor-shape',
    `${file}: tensor ${name} has the shape [${shape.join(', ')}]; needed by config.json: [${needed.join(', ')}].`,
  );
}

function wrongType({ file, name, dtype }: TensorInfo, needed: string): SternaError {
  return new SternaError('tensor-dtype', `${file}: tensor ${name} is stored as ${dtype}; needed: ${needed}.`);
}
