import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { UsageError } from './json-lines.ts';

/**
 * Writes a file that is whole or not there: it gets its name at its end.
 *
 * @returns its bytes.
 * @throws UsageError where it cannot be written; whatever the stream fails with.
 */
export async function writeStream(path: string, stream: ReadableStream<Uint8Array>): Promise<number> {
  const part = `${path}.part`;
  const file = createWriteStream(part, { flush: true });
  let failure: Error | undefined;
  file.once('error', (error) => {
    failure = error;
  });
  try {
    await pipeline(Readable.fromWeb(stream as unknown as NodeReadableStream), file);
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    const cause =
      failure === error || (error as NodeJS.ErrnoException).syscall ? (error as Error) : undefined;
    throw cause ? new UsageError(`${path} cannot be written: ${cause.message}`) : error;
  }
  return file.bytesWritten;
}
