import { SternaError, type SternaErrorCode } from './errors.ts';

/** An error on its way between threads or tabs, where classes and own fields of errors are lost. */
export interface ErrorMessage {
  /** The `code` of a SternaError, or nothing for any other error. */
  readonly code?: SternaErrorCode;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** An error as a value that can be posted, with its code where it has one. This is the inverse of `reviveError`. */
export function describeError(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  return { code: error instanceof SternaError ? error.code : undefined, name, message, stack };
}
