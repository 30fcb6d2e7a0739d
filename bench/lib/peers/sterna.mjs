/** `VectorIndex` as it is, on one thread. */
import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { source } from './source.mjs';

const { VectorIndex } = await source('vector-index');

export default ({ codes, rerank, exact }) => ({
  create: (_, dimensions) => new VectorIndex({ dimensions, codes, rerank }),
  add(index, vectors, first) {
    const ids = Array.from({ length: vectors.length / index.dimensions }, (_, i) => `${first + i}`);
    index.addMany(ids, vectors);
  },
  // The first search measures how many planes suffice.
  seal: (index) => index.search(index.get('0')),
  save: (index, path) => writeFileSync(path, index.toBytes()),
  open: (path) => VectorIndex.from(readInto(path, VectorIndex.allocate(statSync(path).size))),
  search: (index, query, k) => index.search(query, { k, exact }).map(({ id }) => Number(id)),
  ownBytes: (index) => index.bytes,
});

/** A file in memory that is there already. */
export function readInto(path, bytes) {
  const file = openSync(path);
  try {
    for (let at = 0; at < bytes.length; )
      at += readSync(file, bytes, at, Math.min(2 ** 26, bytes.length - at), at);
  } finally {
    closeSync(file);
  }
  return bytes;
}
