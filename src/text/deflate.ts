/** DEFLATE makes at most this many bytes of one. */
const MOST_OF_ONE = 1032;

/** Compresses bytes by the platform's own DEFLATE, without a header around them. */
export async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of through(new CompressionStream('deflate-raw'), bytes)) {
    chunks.push(chunk);
    length += chunk.length;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/**
 * The bytes that {@link deflate} was given.
 *
 * @param size - how many they are. No more memory than that is taken, and nothing where so few bytes cannot make as many.
 * @returns nothing where the bytes are damaged, or make more or fewer.
 */
export async function inflate(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (size > MOST_OF_ONE * bytes.length) return undefined;
  const stream = new DecompressionStream('deflate-raw');
  const all = new Uint8Array(size);
  let at = 0;
  try {
    for await (const chunk of through(stream, bytes)) {
      if (at + chunk.length > size) return undefined;
      all.set(chunk, at);
      at += chunk.length;
    }
  } catch {
    return undefined;
  }
  return at === size ? all : undefined;
}

async function* through(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array> {
  const writer = stream.writable.getWriter();
  // What goes wrong turns up at the reader as well.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}
