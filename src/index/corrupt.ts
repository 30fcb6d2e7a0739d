import { SternaError } from '../errors.ts';

/** The error for bytes of an index that cannot be what was written. */
export function corruptIndex(words: string): SternaError {
  return new SternaError('corrupt-file', `The bytes are no usable vector index: ${words}.`);
}
