/** Vectors of real texts: the passages and queries of evaluation sets, by nano, kept in .cache/ from one run to the next. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { source } from './peers/source.mjs';
import { DIMENSIONS, writeSet } from './vectors.mjs';

const root = new URL('../../', import.meta.url);
const data = new URL('../shared/data/eval/', root);
const cache = new URL('.cache/bench-index/eval/', root);

/** Sets that are taken: passages of an encyclopaedia, abstracts, and many short sentences. */
const SETS = ['xquad-r/en-en', 'scifact/en-en', 'tatoeba-pool/deu-eng'];
/** Texts that are embedded together. */
const TOGETHER = 512;

/** Those of {@link SETS} that are on this machine. @param wanted - names of their folders. */
export const evalSets = (wanted) =>
  SETS.filter(
    (set) => wanted.includes(set.split('/')[0]) && existsSync(new URL(`${set}/corpus.jsonl`, data)),
  );

/** A set's texts: `{ corpus, queries, relevant }`, the last one a map from a query's id to its passages' ids and their grades. */
export function readEval(set) {
  const lines = (name) =>
    readFileSync(new URL(`${set}/${name}`, data), 'utf8')
      .trim()
      .split('\n');
  const read = (name) => lines(name).map((line) => textOf(JSON.parse(line)));
  const relevant = new Map();
  for (const line of lines('qrels.tsv').slice(1)) {
    const [query, passage, grade] = line.split('\t');
    if (!relevant.has(query)) relevant.set(query, new Map());
    relevant.get(query).set(passage, Number(grade));
  }
  return { corpus: read('corpus.jsonl'), queries: read('queries.jsonl'), relevant };
}

function textOf({ _id, title, text }) {
  return { id: _id, text: title ? `${title} ${text}` : text };
}

/** A set as races take it. @param asked - most queries. */
export async function evalSet(set, folder, asked) {
  const path = (name) => fileURLToPath(new URL(`${set.replaceAll('/', '-')}.${name}.f32`, cache));
  const [corpus, queries] = [path('corpus'), path('queries')];
  if (!existsSync(corpus) || !existsSync(queries)) await embedSet(set, corpus, queries);
  const floats = new Float32Array(readFileSync(queries).buffer);
  const count = readFileSync(corpus).byteLength / (4 * DIMENSIONS);
  const name = `nano, ${set.split('/')[0]} ${count.toLocaleString('en')}`;
  return writeSet(folder, name, corpus, count, floats.subarray(0, asked * DIMENSIONS));
}

async function embedSet(set, corpusPath, queriesPath) {
  mkdirSync(cache, { recursive: true });
  const { Embedder } = await source('node');
  // 8-bit weights: cosines to float32 are above 0.9997.
  const model = fileURLToPath(new URL('models/nano', root));
  const embedder = await Embedder.create({ model, device: 'wasm', precision: 'q8', threads: 1 });
  const { corpus, queries } = readEval(set);
  await embedTexts(embedder, corpus, 'document', corpusPath, set);
  await embedTexts(embedder, queries, 'query', queriesPath, set);
  await embedder.dispose();
}

async function embedTexts(embedder, rows, task, path, set) {
  const vectors = new Float32Array(rows.length * DIMENSIONS);
  for (let first = 0; first < rows.length; first += TOGETHER) {
    const texts = rows.slice(first, first + TOGETHER).map(({ text }) => text);
    const { embeddings } = await embedder.embed(texts, { task, specialTokens: 'text' });
    for (const [i, { values }] of embeddings.entries()) vectors.set(values, (first + i) * DIMENSIONS);
    console.error(`${set}: ${first + texts.length} of ${rows.length} texts (${task})`);
  }
  writeFileSync(`${path}.part`, new Uint8Array(vectors.buffer));
  renameSync(`${path}.part`, path);
}
