import { damaged, notUnderstood } from './refusals.ts';

/** A name without a folder, an address or a parent in it. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/;

const WHOLE_NUMBER = /^\d{1,15}$/;

/**
 * Where numbers are that lie in a file of their own.
 *
 * @param file - the ONNX file, with the folder that the other file is in, too.
 * @param name - of the initialiser, for messages.
 * @param entries - of `external_data`: location, and where they are not the beginning and the rest of the file, offset and length.
 * @param bytes - that the shape takes.
 * @throws SternaError `unsupported-model` where the location is no plain name, `corrupt-file` where the numbers do not fit.
 */
export function externalRange(
  file: string,
  name: string,
  entries: ReadonlyMap<string, string>,
  bytes: number,
): { file: string; start: number; end: number } {
  const location = entries.get('location') ?? '';
  if (!PLAIN_NAME.test(location)) {
    throw notUnderstood(
      file,
      `the numbers of initialiser ${name} are in ${JSON.stringify(location.slice(0, 120))}; needed: the plain name of a file beside it`,
    );
  }
  const number = (key: string, otherwise: number): number => {
    const text = entries.get(key) ?? `${otherwise}`;
    if (WHOLE_NUMBER.test(text)) return Number(text);
    throw damaged(
      file,
      `the ${key} of initialiser ${name} in ${location} is ${JSON.stringify(text.slice(0, 120))}; needed: a whole number`,
    );
  };
  const start = number('offset', 0);
  const length = number('length', bytes);
  if (length !== bytes)
    throw damaged(file, `initialiser ${name} has ${length} bytes in ${location}; needed: ${bytes}`);
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  return { file: folder + location, start, end: start + bytes };
}
