/** usearch: HNSW, native, with its defaults; it builds with all threads and searches with one. */
import { Index, MetricKind, ScalarKind } from 'usearch';

export default ({ codes, threads }) => {
  const create = (_, dimensions) => ({
    index: new Index({ dimensions, metric: MetricKind.Cos, quantization: ScalarKind[codes] }),
    dimensions,
  });
  return {
    create,
    add({ index, dimensions }, vectors, first) {
      const keys = BigUint64Array.from({ length: vectors.length / dimensions }, (_, i) => BigInt(first + i));
      index.add(keys, vectors, threads);
    },
    save: ({ index }, path) => index.save(path),
    open(path, count, dimensions) {
      const opened = create(count, dimensions);
      opened.index.load(path);
      return opened;
    },
    search: ({ index }, query, k) => Array.from(index.search(query, k, 1).keys, Number),
  };
};
