import { SternaError } from '../../errors.ts';

/**
 * The error that a piece of work ends with, as `code: message`.
 *
 * @throws whatever else comes of it: success, or an error of another class.
 */
export async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SternaError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('It was not refused.');
}
