import { invalid } from './refusals.ts';

/** Bytes that can be read anywhere: a file in Node, say. */
export interface RandomReader {
  /** In bytes. */
  readonly size: number;
  /** Bytes from `start` to before `end`, all of them. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** A file, or the bytes of one. */
export type ExchangeSource = Blob | Uint8Array | ArrayBuffer | RandomReader;

/** @throws SternaError `invalid-input`. */
export function randomReader(source: ExchangeSource): RandomReader {
  if (source instanceof Blob) {
    const read = async (start: number, end: number) =>
      new Uint8Array(await source.slice(start, end).arrayBuffer());
    return { size: source.size, read };
  }
  if (source instanceof ArrayBuffer) return randomReader(new Uint8Array(source));
  if (source instanceof Uint8Array)
    return { size: source.length, read: async (start, end) => source.subarray(start, end) };
  if (typeof source?.read === 'function' && Number.isSafeInteger(source.size) && source.size >= 0)
    return bound(source);
  throw invalid(
    'The file is none; needed: a Blob, an ArrayBuffer, a Uint8Array or an object with size and read.',
  );
}

/** Whose `read` can be passed on by itself, and gives all that it was asked for. */
function bound(source: RandomReader): RandomReader {
  const { size } = source;
  return {
    size,
    async read(start, end) {
      const bytes = await source.read(start, end);
      if (bytes.length === end - start) return bytes;
      throw invalid(`The file gave ${bytes.length} bytes; needed: the ${end - start} that were asked for.`);
    },
  };
}
