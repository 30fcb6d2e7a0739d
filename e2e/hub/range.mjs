/**
 * The part of a file that a request asks for.
 *
 * @param {string | undefined} range - the header: `bytes=0-99`, `bytes=100-` or `bytes=-100`.
 * @param {string | undefined} ifRange - the ETag that the part is wanted of; all of the file is, where it has another one.
 * @param {string} etag - of the file.
 * @param {number} size - of the file.
 * @returns {{ start: number, end: number } | 'unsatisfiable' | undefined} nothing where all of the file is to be sent, which
 *   goes for several ranges and for what is no range, too.
 */
export function parseRange(range, ifRange, etag, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '');
  if (!match || (ifRange !== undefined && ifRange !== etag)) return undefined;
  const [first, last] = match.slice(1).map((text) => (text === '' ? undefined : Number(text)));
  if (first === undefined) {
    if (last === undefined) return undefined;
    return last === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - last), end: size };
  }
  if (last !== undefined && last < first) return undefined;
  return first >= size ? 'unsatisfiable' : { start: first, end: Math.min(size, (last ?? size) + 1) };
}
