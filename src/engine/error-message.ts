import type { ErrorMessage } from '../../workers/protocol.ts';
import { SternaError } from '../errors.ts';

/** An error as a value that can be posted, with its code where it has one. */
export function describeError(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  return { code: error instanceof SternaError ? error.code : undefined, name, message, stack };
}

/** The error that was described; its stack is the one of the place where it was thrown. */
export function reviveError({ code, name, message, stack }: ErrorMessage): Error {
  const error = code ? new SternaError(code, message) : new Error(message);
  if (!code) error.name = name;
  if (stack) error.stack = stack;
  return error;
}
