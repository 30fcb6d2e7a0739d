import { SternaError } from '../errors.ts';

/** An error of the reader. @param what - the kind of file, such as `Parquet file`. */
export function corrupt(what: string, words: string, cause?: unknown): SternaError {
  return new SternaError('corrupt-file', `The ${what} cannot be read: ${words}.`, { cause });
}

/** Whatever a package throws at bytes that it does not understand becomes `corrupt-file`. */
export function asCorrupt(what: string, error: unknown): SternaError {
  if (error instanceof SternaError) return error;
  const words = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
  return corrupt(what, words, error);
}

export function invalid(words: string): SternaError {
  return new SternaError('invalid-input', words);
}
