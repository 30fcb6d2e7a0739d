import { SternaError } from '../errors.ts';

/** The error for a file that cannot be what was published. */
export function corruptShards(name: string, words: string, cause?: unknown): SternaError {
  return new SternaError(
    'corrupt-file',
    `${name} is no usable file of a published index: ${words}. Publish the folder again as a whole.`,
    { cause },
  );
}

/** The error for a file of a later version of the format. */
export function laterVersion(name: string, found: number, read: number): SternaError {
  return corruptShards(
    name,
    `it is of version ${found} of the format and this library reads ${read}; update the library`,
  );
}
