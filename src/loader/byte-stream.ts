import { SternaError } from '../errors.ts';
import type { ModelFile } from './files.ts';

/** The bytes of a file from front to back: what can be had of a download without keeping all of it. */
export interface ByteStream {
  /** Name of the file, for messages. */
  readonly name: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Where the next byte is. */
  readonly position: number;
  /**
   * The next `count` bytes.
   *
   * @param room - where they may be put: megabytes that are asked for again and again would wait for the garbage collector.
   * @throws SternaError `corrupt-file` where the file ends before; `network`.
   */
  read(count: number, room?: Uint8Array): Promise<Uint8Array>;
  /** Goes past `count` bytes; free of charge where a file is at hand. Errors as of {@link read}. */
  skip(count: number): Promise<void>;
}

/** A file that is at hand, from byte `position` on. */
export function streamOfFile(file: ModelFile, position = 0): ByteStream {
  const { name, size } = file;
  let at = position;
  const advance = (count: number): number => {
    if (count > size - at) throw endsTooEarly(name, size, at + count);
    at += count;
    return at;
  };
  return {
    name,
    size,
    get position() {
      return at;
    },
    read: async (count) => file.read(at, advance(count)),
    skip: async (count) => void advance(count),
  };
}

/** What is thrown where a file has fewer bytes than its own contents say. */
export function endsTooEarly(name: string, size: number, needed: number): SternaError {
  return new SternaError(
    'corrupt-file',
    `${name} is damaged: it has ${size} bytes; needed: ${needed}, so ${needed - size} are missing. Download it again.`,
  );
}
