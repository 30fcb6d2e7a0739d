import { createHash } from 'node:crypto';

/** Bytes that are hashed at a time. */
const CHUNK = 2 ** 20;

/** @type {WeakMap<import('./hub-file.mjs').HubFile, Promise<string>>} */
const known = new WeakMap();

/**
 * The SHA-256 of a file in hexadecimal digits. The first call makes all of the file, piece by piece; later ones remember.
 *
 * @param {import('./hub-file.mjs').HubFile} file
 * @returns {Promise<string>}
 */
export function sha256(file) {
  if (!known.has(file)) known.set(file, hash(file));
  return known.get(file);
}

async function hash(file) {
  const digest = createHash('sha256');
  for (let at = 0; at < file.size; at += CHUNK) {
    digest.update(file.bytesOf(at, Math.min(file.size, at + CHUNK)));
    // Whoever waits for another answer of this process gets a turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return digest.digest('hex');
}
