/** hnswlib-node: HNSW, native, with its defaults (m 16, 200 when building) and 100 candidates when searching. */
import hnswlib from 'hnswlib-node';

const { HierarchicalNSW } = hnswlib;
const CANDIDATES = 100;

export default () => ({
  create(count, dimensions) {
    const index = new HierarchicalNSW('ip', dimensions);
    index.initIndex(count);
    index.setEf(CANDIDATES);
    return { index, dimensions };
  },
  add({ index, dimensions }, vectors, first) {
    for (let at = 0; at < vectors.length; at += dimensions)
      index.addPoint(Array.from(vectors.subarray(at, at + dimensions)), first + at / dimensions);
  },
  save: ({ index }, path) => index.writeIndexSync(path),
  open(path, _count, dimensions) {
    const index = new HierarchicalNSW('ip', dimensions);
    index.readIndexSync(path);
    index.setEf(CANDIDATES);
    return { index };
  },
  search: ({ index }, query, k) => index.searchKnn(Array.from(query), k).neighbors,
});
