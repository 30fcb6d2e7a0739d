import { isAbsent } from '../download.ts';
import { lengthOf, type RemoteOptions, Transfer } from './transfer.ts';

/**
 * A small file on a server, whole. A connection that breaks is tried again from the beginning.
 *
 * @param onProgress - told of the bytes that are there, and of how many; 0 where the server does not say.
 * @returns nothing where the server has none.
 * @throws SternaError `network`; the signal's reason when it is aborted.
 */
export function fetchWhole(
  name: string,
  address: URL,
  options: RemoteOptions = {},
  onProgress?: (loaded: number, total: number) => void,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const transfer = new Transfer(name, address, options, false);
  return transfer.persist(async (signal) => {
    const response = await transfer.request({}, signal);
    if (isAbsent(response, name)) {
      await response.body?.cancel();
      return undefined;
    }
    const total = lengthOf(response);
    const pieces: Uint8Array[] = [];
    let loaded = 0;
    for await (const piece of transfer.piecesOf(response)) {
      pieces.push(piece);
      loaded += piece.length;
      onProgress?.(loaded, total ?? 0);
    }
    // Whether a body from another origin was compressed, and so has another length, a page cannot see.
    if (total !== undefined && response.type !== 'cors' && loaded < total)
      throw transfer.passing(`broke off after ${loaded} of ${total} bytes`);
    const bytes = new Uint8Array(loaded);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
      transfer.free(piece);
    }
    return bytes;
  });
}
