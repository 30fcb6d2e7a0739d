/**
 * A listener in the page. What it is told and the answer to a call go different ways, so the answer waits until the last
 * news was heard.
 */
export function listener<T>(onProgress: ((progress: T) => void) | undefined) {
  if (!onProgress) return undefined;
  let last: unknown;
  return {
    tell: (progress: T): void => {
      last = onProgress(progress);
    },
    heard: async (): Promise<void> => void (await last),
  };
}
