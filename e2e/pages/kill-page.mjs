import { SemanticIndex } from 'sterna';
import { wordEmbedder } from './word-embedder.mjs';

let index;

const revisionOf = (space) => Number(/@(\d+)/.exec(space?.id ?? '')?.[1] ?? 1);

/** Opens the index with the embedder that its vectors are of. */
export async function open() {
  let embedder = wordEmbedder();
  index = await SemanticIndex.open({
    name: 'killed',
    threads: 1,
    passageTokens: 16,
    embedder: {
      chunk: (...input) => embedder.chunk(...input),
      embed: (...input) => embedder.embed(...input),
      tokenize: (...input) => embedder.tokenize(...input),
    },
  });
  embedder = wordEmbedder({ revision: revisionOf(index.report.space) });
  return { ...index.report, revision: revisionOf(index.report.space) };
}

/** All documents, and ids of those whose vectors are not their texts'. */
export async function contents() {
  const embedder = wordEmbedder({ revision: revisionOf(index.report.space) });
  const documents = [];
  const strange = new Set();
  for await (const { id, document, text, vector } of index.rows()) {
    if (document !== undefined) documents.push([id, document]);
    if (!vector) continue;
    const { embeddings } = await embedder.embed([text]);
    const cosine = vector.reduce((sum, x, i) => sum + x * embeddings[0].values[i], 0) / Math.hypot(...vector);
    if (!(cosine > 0.99)) strange.add(id);
  }
  return { documents, strange: [...strange] };
}

/** Ids of the first hits of queries, by their vectors and by their words. */
export async function firstHits(queries) {
  const hits = [];
  for (const query of queries) {
    for (const mode of ['vector', 'lexical']) {
      const [hit] = await index.search(query, { k: 1, mode, exact: true });
      hits.push(hit?.id);
    }
  }
  return hits;
}

export const add = (documents) => index.add(documents);
export const update = (documents) => index.update(documents);
export const remove = (ids) => index.remove(ids);
export const compact = () => index.compact();
export const reindex = (revision) => index.reindex({ embedder: wordEmbedder({ revision }) });
