/**
 * EdgeVec: HNSW in WebAssembly. By `l2`, which puts unit vectors in the order of their cosines: `cosine` and `dot` give the least
 * similar ones first. It opens what it saved from IndexedDB alone, which Node has not.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import initialise, { EdgeVec, EdgeVecConfig } from 'edgevec/edgevec.js';

const path = createRequire(import.meta.url).resolve('edgevec/edgevec_bg.wasm');
await initialise({ module_or_path: readFileSync(path) });

export default () => ({
  create(_, dimensions) {
    const config = new EdgeVecConfig(dimensions);
    config.metric = 'l2';
    return { index: new EdgeVec(config), dimensions };
  },
  add({ index, dimensions }, vectors) {
    index.insertBatchFlat(vectors, vectors.length / dimensions);
  },
  save({ index }, file) {
    const chunks = [];
    const stream = index.save_stream();
    for (let chunk = stream.next_chunk(); chunk; chunk = stream.next_chunk()) chunks.push(chunk);
    writeFileSync(file, Buffer.concat(chunks));
  },
  // Its ids begin at 1.
  search: ({ index }, query, k) => index.search(query, k).map(({ id }) => id - 1),
});
