/**
 * What some work comes to, or the signal's reason as soon as it is aborted, whichever is first.
 *
 * @param begin - begins the work; not called where the signal is aborted already.
 * @param stop - called at an abort, so that whoever does the work can be told.
 */
export async function untilAborted<T>(
  begin: () => Promise<T>,
  signal?: AbortSignal,
  stop?: () => void,
): Promise<T> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal!.reason);
      stop?.();
    };
    signal?.addEventListener('abort', abort);
    begin()
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', abort));
  });
}
