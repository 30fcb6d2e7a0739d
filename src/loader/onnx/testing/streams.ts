import { type ByteStream, streamOfFile } from '../../byte-stream.ts';

/** A stream of bytes in memory, from `position` on. */
export function streamOf(bytes: Uint8Array, name = 'onnx/model.onnx', position = 0): ByteStream {
  const read = async (start: number, end: number) => bytes.subarray(start, end);
  return streamOfFile({ name, size: bytes.length, read }, position);
}

/** All that comes. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
