import { SternaError } from '../../errors.ts';

/** A file ends before the bytes that are wanted of it. */
export function endsEarly(file: string, size: number, end: number): SternaError {
  return new SternaError(
    'corrupt-file',
    `${file} has ${size} bytes; needed: at least ${end}. It was cut off; restore the index from an export, or index anew.`,
  );
}

/** The platform refused. */
export function storageFailed(file: string, cause: unknown): SternaError {
  const { name, message } = cause as Error & { code?: string };
  const isFull = name === 'QuotaExceededError' || (cause as { code?: string }).code === 'ENOSPC';
  if (isFull) {
    return new SternaError(
      'storage-full',
      `There is no room for ${file}: ${message}. What was acknowledged is kept; free some space, and try again.`,
      { cause },
    );
  }
  return new SternaError('storage', `${file} cannot be used: ${message}.`, { cause });
}
