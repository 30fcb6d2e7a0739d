/** A file on disk, read by ranges. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { typeOf } from './hub-file.mjs';

/** @param {string} path @returns {import('./hub-file.mjs').HubFile} */
export function diskFile(path) {
  const { size, mtimeMs } = statSync(path);
  const bytesOf = (start = 0, end = size) => {
    const result = new Uint8Array(end - start);
    const descriptor = openSync(path, 'r');
    try {
      for (let at = 0; at < result.length; ) {
        const read = readSync(descriptor, result, at, result.length - at, start + at);
        if (read === 0) throw new RangeError(`${path} has become shorter than ${end} bytes.`);
        at += read;
      }
    } finally {
      closeSync(descriptor);
    }
    return result;
  };
  return { size, large: false, type: typeOf(path), bytesOf, identity: `${path} ${size} ${mtimeMs}` };
}
