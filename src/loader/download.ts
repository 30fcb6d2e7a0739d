import { SternaError } from '../errors.ts';
import type { LoadProgress } from '../types.ts';
import { fileOfBlob, type ModelFile } from './files.ts';

/** How to download. */
export interface DownloadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** Bytes that are gathered in script memory before the browser takes them over. */
const GATHERED = 16 * 2 ** 20;

/**
 * A file behind an address, downloaded whole.
 *
 * @returns nothing where the server has no such file: it says 404 or 410, or answers with a page of HTML, as servers of
 *   single-page apps do for every address that they do not know. (403 is no such answer: a file may be there that an
 *   expired signature or a missing login hides.)
 * @throws SternaError `network`; the signal's reason when it is aborted.
 */
export async function download(
  name: string,
  address: URL,
  { signal, onProgress }: DownloadOptions,
): Promise<ModelFile | undefined> {
  const failed = (words: string, cause?: unknown) =>
    new SternaError(
      'network',
      `${address.href} ${words}. Check the address and the connection, and try again.`,
      { cause },
    );
  try {
    const response = await fetch(address, { signal });
    if (isAbsent(response, name)) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw failed(`answers ${response.status} ${response.statusText}`.trimEnd());
    }
    const blob = await receive(response, (loaded, total) =>
      onProgress?.({ phase: 'download', item: name, loaded, total }),
    );
    const announced = announcedLength(response);
    // Whether a body from another origin was compressed, and so has another length, a page cannot see.
    if (announced !== undefined && response.type !== 'cors' && blob.size < announced) {
      throw failed(`broke off after ${blob.size} of ${announced} bytes`);
    }
    return fileOfBlob(name, blob);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SternaError) throw error;
    throw failed(`cannot be downloaded: ${(error as Error).message}`, error);
  }
}

export function isAbsent({ status, headers }: Response, name: string): boolean {
  if (status === 404 || status === 410) return true;
  const page = headers.get('content-type')?.toLowerCase().startsWith('text/html') ?? false;
  return status === 200 && page && !/\.html?$/.test(name);
}

/**
 * The body of an answer, as a Blob: browsers keep large ones outside of the script's memory. It is handed over piece by
 * piece, so that a model of a gigabyte never lies in that memory as a whole.
 */
async function receive(
  response: Response,
  onProgress: (loaded: number, total: number) => void,
): Promise<Blob> {
  const total = announcedLength(response) ?? 0;
  // A compressed body may grow beyond the length that was announced for it; then the total is not known.
  const tell = () => onProgress(loaded, loaded > total ? 0 : total);
  let loaded = 0;
  tell();
  const pieces: Blob[] = [];
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  let gathered = 0;
  const handOver = () => {
    pieces.push(new Blob(chunks));
    chunks = [];
    gathered = 0;
  };
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    loaded += value.byteLength;
    gathered += value.byteLength;
    if (gathered >= GATHERED) handOver();
    tell();
  }
  handOver();
  return new Blob(pieces);
}

/** Bytes of the body, where the server says; a compressed body has another length than its file. */
function announcedLength({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? undefined : Number(length);
}
