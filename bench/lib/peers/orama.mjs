/** Orama: exact, an object a document. Its default similarity of 0.8 would leave most hits out, so it gets the lowest. */
import { readFileSync, writeFileSync } from 'node:fs';
import { create, insertMultiple, load, save, searchVector } from '@orama/orama';

const empty = (dimensions) => create({ schema: { vector: `vector[${dimensions}]` } });

export default () => ({
  create: (_, dimensions) => ({ database: empty(dimensions), dimensions }),
  async add({ database, dimensions }, vectors, first) {
    const documents = Array.from({ length: vectors.length / dimensions }, (_, i) => ({
      id: `${first + i}`,
      vector: Array.from(vectors.subarray(i * dimensions, (i + 1) * dimensions)),
    }));
    await insertMultiple(database, documents, documents.length);
  },
  save: ({ database }, path) => writeFileSync(path, JSON.stringify(save(database))),
  open(path, _count, dimensions) {
    const database = empty(dimensions);
    load(database, JSON.parse(readFileSync(path, 'utf8')));
    return { database };
  },
  async search({ database }, query, k) {
    const vector = { value: Array.from(query), property: 'vector' };
    const { hits } = await searchVector(database, { vector, similarity: -1, limit: k });
    return hits.map(({ id }) => Number(id));
  },
});
