import { SternaError } from '../errors.ts';
import type { NumberReader } from './dtype.ts';
import type { TensorInfo } from './safetensors.ts';

/**
 * Sees to it that numbers of a tensor are finite.
 *
 * @param first - how many numbers of the tensor came before.
 * @throws SternaError `corrupt-file`: the file, the tensor, and which number is none.
 */
export function checkFinite(
  numbers: NumberReader,
  tensor: Pick<TensorInfo, 'file' | 'name'>,
  first: number,
): void {
  const wrong = numbers.firstNotFinite();
  if (wrong < 0) return;
  const value = new Float32Array(1);
  numbers.copy(wrong, 1, value, 0);
  throw notFinite(tensor, value[0], first + wrong);
}

export function notFinite(
  { file, name }: Pick<TensorInfo, 'file' | 'name'>,
  value: number,
  index: number,
): SternaError {
  return new SternaError(
    'corrupt-file',
    `${file}: number ${index} of tensor ${name} is ${value}; needed: finite numbers. Download the file again.`,
  );
}
