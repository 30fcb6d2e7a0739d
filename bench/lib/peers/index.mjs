/**
 * Engines of vectors. Each has
 *
 * - `create(count, dimensions)`: an empty index;
 * - `add(index, vectors, first)`: takes `[rows, dimensions]` of unit length in, whose ids are `first`, `first + 1`, …;
 * - `seal(index)`: what is left to do ahead of the first search, if anything;
 * - `save(index, path)`: writes it to a file, if it can;
 * - `open(path, count, dimensions)`: the index from that file, if it can;
 * - `search(index, query, k)`: the ids of the nearest rows as numbers, best first.
 */
import { cpus } from 'node:os';

/**
 * What is raced: a name, the module, its settings, and the most rows for which its build is affordable, minutes at most.
 * `file` names another lane whose file this one opens: it builds nothing itself.
 */
export const LANES = [
  { name: 'plain loop', module: 'plain-loop' },
  { name: 'sterna float32', module: 'sterna', settings: { codes: 'float32' } },
  { name: 'sterna int8', module: 'sterna', settings: { codes: 'int8' } },
  { name: 'sterna int8, all planes', module: 'sterna', settings: { exact: true }, file: 'sterna int8' },
  { name: 'sterna int4', module: 'sterna', settings: { codes: 'int4' } },
  { name: 'sterna int8 + float32', module: 'sterna', settings: { codes: 'int8', rerank: 'float32' } },
  { name: 'sterna int4 + int8', module: 'sterna', settings: { codes: 'int4', rerank: 'int8' } },
  { name: 'sterna binary + int8', module: 'sterna', settings: { codes: 'binary', rerank: 'int8' } },
  { name: 'sterna int8, 2 threads', module: 'sterna-threads', settings: { threads: 2 }, file: 'sterna int8' },
  {
    name: 'sterna int8 + float32, 2 threads',
    module: 'sterna-threads',
    settings: { threads: 2 },
    file: 'sterna int8 + float32',
  },
  { name: 'orama', module: 'orama', most: 100_000 },
  { name: 'voy', module: 'voy', most: 100_000 },
  { name: 'edgevec hnsw', module: 'edgevec', most: 10_000, isApproximate: true },
  { name: 'hnswlib-node', module: 'hnswlib', most: 100_000, isNative: true, isApproximate: true },
  {
    name: 'usearch f32',
    module: 'usearch',
    settings: { codes: 'F32', threads: cpus().length },
    most: 100_000,
    isNative: true,
    isApproximate: true,
  },
  {
    name: 'usearch i8',
    module: 'usearch',
    settings: { codes: 'I8', threads: cpus().length },
    most: 100_000,
    isNative: true,
    isApproximate: true,
  },
];

/** The engine of a lane. */
export async function engineOf({ module, settings }) {
  const { default: make } = await import(new URL(`${module}.mjs`, import.meta.url));
  return make(settings ?? {});
}
