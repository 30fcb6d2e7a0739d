import { release } from '../../release.ts';
import { numberReader, type WeightType } from '../dtype.ts';
import { checkFinite } from '../finite.ts';
import type { TensorInfo } from '../safetensors.ts';

/** Bytes of a tensor that are converted at a time. */
export const SLAB = 2 * 2 ** 20;

/** Some rows of a tensor. */
export interface Slab {
  readonly first: number;
  readonly count: number;
}

/** Rows of a tensor; a vector is one. */
function rowsOf({ shape }: TensorInfo): number {
  return shape.length > 1 ? shape[0] : 1;
}

/** Bytes of a row. */
export function rowBytesOf(tensor: TensorInfo): number {
  return (tensor.end - tensor.start) / rowsOf(tensor);
}

/** A tensor from row `from` on in slabs of at most {@link SLAB} bytes, or of one row where that has more. */
export function* slabsOf(tensor: TensorInfo, from = 0): Generator<Slab> {
  const rows = rowsOf(tensor);
  const most = Math.max(1, Math.floor(SLAB / rowBytesOf(tensor)));
  for (let first = from; first < rows; first += most) yield { first, count: Math.min(most, rows - first) };
}

/** Makes numbers of the bytes of slabs, in memory that is used again. */
export class SlabNumbers {
  private room = new Float32Array(0);

  /**
   * The numbers in some bytes; they last until the next call.
   *
   * @param first - how many numbers of the tensor come before.
   * @throws SternaError `corrupt-file` where one of them is not finite.
   */
  of(bytes: Uint8Array, tensor: TensorInfo, first: number): Float32Array {
    const reader = numberReader(bytes, tensor.dtype as WeightType);
    const count = reader.length;
    if (count > this.room.length) this.room = new Float32Array(count);
    const values = this.room.subarray(0, count);
    reader.copy(0, count, values, 0);
    checkFinite(reader, tensor, first);
    return values;
  }

  /** Gives the memory back. */
  release(): void {
    release(this.room);
  }
}
