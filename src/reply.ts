import type { ErrorMessage } from './describe-error.ts';
import { SternaError } from './errors.ts';

/** Answers of another thread or tab are values or errors; a rejection would lose the error's code. */
export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ErrorMessage };

/** The value of a reply. @throws the error that it describes. */
export function unwrap<T>(reply: Reply<T>): T {
  if (reply.ok) return reply.value;
  throw reviveError(reply.error);
}

/** The error that `describeError` described; its stack is the one of the place where it was thrown. */
export function reviveError({ code, name, message, stack }: ErrorMessage): Error {
  const error = code ? new SternaError(code, message) : new Error(message);
  if (!code) error.name = name;
  if (stack) error.stack = stack;
  return error;
}
