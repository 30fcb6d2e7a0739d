import { SternaError } from '../errors.ts';

/** A file of a model, wherever it is. */
export interface ModelFile {
  /** For messages: the name in the folder. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /**
   * Bytes `start` … `end` of the file, the end excluded, in memory that is the caller's own.
   *
   * @throws SternaError `corrupt-file` where the file is shorter.
   */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** A folder in the layout of the Hugging Face hub, wherever it is. */
export interface ModelFiles {
  /** Name of the model: the last part of its address. */
  readonly label: string;
  /** Where its files are looked for, in words for messages: an address, a path, or `the chosen files`. */
  readonly location: string;
  /**
   * Opens a file.
   *
   * @returns nothing where there is no file of that name.
   * @throws SternaError `network` where that cannot be known.
   */
  open(name: string): Promise<ModelFile | undefined>;
}

/** A file of `blob`'s bytes. */
export function fileOfBlob(name: string, blob: Blob): ModelFile {
  return {
    name,
    size: blob.size,
    async read(start, end) {
      checkRange(name, blob.size, start, end);
      try {
        return new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch (error) {
        throw new SternaError(
          'corrupt-file',
          `${name} can no longer be read: ${(error as Error).message}. Choose it again.`,
          { cause: error },
        );
      }
    },
  };
}

/** @throws SternaError `corrupt-file`. */
export function checkRange(name: string, size: number, start: number, end: number): void {
  if (start >= 0 && start <= end && end <= size) return;
  throw new SternaError(
    'corrupt-file',
    `${name} has ${size} bytes; needed: bytes ${start} to ${end}. Download it again.`,
  );
}

/** The whole of a small file. */
export function readAll(file: ModelFile): Promise<Uint8Array> {
  return file.read(0, file.size);
}

/**
 * The JSON value in a file.
 *
 * @throws SternaError `corrupt-file`.
 */
export async function readJson(file: ModelFile): Promise<unknown> {
  return parseJson(await readAll(file), file.name);
}

/** @throws SternaError `corrupt-file`. */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new SternaError('corrupt-file', `${name} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Whether a JSON value is an object, neither null nor a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Characters of a foreign value that go into a message. */
const LONGEST_QUOTE = 120;

/** A JSON value as a message shows it. It may come from a hostile file, so it is cut and never throws. */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'absent';
  } catch {
    // JSON.parse reads lists that are nested more deeply than JSON.stringify can follow.
    text = 'a deeply nested value';
  }
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}
