/** voy: a k-d tree in WebAssembly. Its own loader is for bundlers, so the module is instantiated here. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = dirname(createRequire(import.meta.url).resolve('voy-search/package.json'));
const bindings = await import(pathToFileURL(join(folder, 'voy_search_bg.js')));
const { instance } = await WebAssembly.instantiate(readFileSync(join(folder, 'voy_search_bg.wasm')), {
  './voy_search_bg.js': bindings,
});
bindings.__wbg_set_wasm(instance.exports);
const { Voy } = bindings;

export default () => ({
  create: (_, dimensions) => ({ dimensions, embeddings: [], voy: undefined }),
  // It takes vectors one by one only into a tree that it does not balance: all at once is its own advice.
  add({ dimensions, embeddings }, vectors, first) {
    for (let at = 0; at < vectors.length; at += dimensions) {
      const id = `${first + at / dimensions}`;
      embeddings.push({
        id,
        title: '',
        url: '',
        embeddings: Array.from(vectors.subarray(at, at + dimensions)),
      });
    }
  },
  seal(index) {
    index.voy = new Voy({ embeddings: index.embeddings });
    index.embeddings = [];
  },
  save: ({ voy }, path) => writeFileSync(path, voy.serialize()),
  open: (path) => ({ voy: Voy.deserialize(readFileSync(path, 'utf8')) }),
  search: ({ voy }, query, k) => voy.search(query, k).neighbors.map(({ id }) => Number(id)),
});
