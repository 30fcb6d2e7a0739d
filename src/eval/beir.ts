import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type InputLine, readJsonLines, textOf, UsageError } from '../node/json-lines.ts';
import { type Judgements, relevantCount } from './metrics.ts';

/** A folder with queries, documents and judgements, in the layout of the BEIR benchmark. */
export interface SetFolder {
  /** For people: its path below the folder that was asked for. */
  readonly name: string;
  readonly path: string;
  /** Path of the judgements. */
  readonly qrels: string;
}

/** A text with its id. */
export interface EvalText {
  readonly id: string;
  readonly text: string;
}

/** What is asked, and what the answers are. */
export interface Questions {
  /** The queries that have a relevant document, in the file's order. */
  readonly queries: readonly EvalText[];
  /** Query → document → relevance. */
  readonly judgements: ReadonlyMap<string, Judgements>;
}

const CORPUS = 'corpus.jsonl';
const QUERIES = 'queries.jsonl';
const QRELS = ['qrels.tsv', join('qrels', 'test.tsv')];

/**
 * The sets in a folder: the folder itself, or those at any depth below it, by name.
 *
 * @throws UsageError where there is none, or a set lacks a file.
 */
export async function findSets(folder: string): Promise<SetFolder[]> {
  const sets = await setsBelow(resolve(folder));
  if (sets.length === 0) throw new UsageError(`There is no ${CORPUS} in ${folder} or below; ${NEEDED}.`);
  return sets.sort().map((path) => {
    const qrels = QRELS.map((name) => join(path, name)).find(existsSync);
    if (!qrels || !existsSync(join(path, QUERIES))) {
      throw new UsageError(`${path} has no ${qrels ? QUERIES : QRELS[0]}; ${NEEDED}.`);
    }
    const name = relative(resolve(folder), path).split(sep).join('/');
    return { name: name || basename(path), path, qrels };
  });
}

const NEEDED = `needed: a folder with ${CORPUS}, ${QUERIES} and ${QRELS[0]} (or qrels/test.tsv), or one that holds such folders`;

async function setsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw new UsageError(`${folder} cannot be read: ${error.message}`);
  });
  if (entries.some(({ name }) => name === CORPUS)) return [folder];
  const folders = entries.filter((entry) => entry.isDirectory());
  return (await Promise.all(folders.map(({ name }) => setsBelow(join(folder, name))))).flat();
}

/**
 * The documents of a set, one after another: title and text with a space between them, as BEIR has them.
 *
 * @throws UsageError that names the line of what is no document, or has the id of another one.
 */
export async function* readCorpus({ path }: SetFolder): AsyncGenerator<EvalText> {
  const seen = new Set<string>();
  for await (const line of readJsonLines(join(path, CORPUS))) {
    const id = newId(line, seen);
    yield { id, text: `${titleOf(line)} ${textOf(line)}`.trim() };
  }
}

/**
 * The queries of a set that have an answer, and the judgements.
 *
 * @throws UsageError that names the line of what is no query or judgement, and where a query that was judged is missing.
 */
export async function readQuestions({ path, qrels }: SetFolder): Promise<Questions> {
  const judgements = parseQrels(await readFile(qrels, 'utf8'), qrels);
  const queries: EvalText[] = [];
  const seen = new Set<string>();
  for await (const line of readJsonLines(join(path, QUERIES))) {
    const id = newId(line, seen);
    const judged = judgements.get(id);
    if (judged && relevantCount(judged) > 0) queries.push({ id, text: textOf(line) });
  }
  for (const id of judgements.keys()) {
    if (!seen.has(id)) throw new UsageError(`${qrels} judges query "${id}", which is not in ${QUERIES}.`);
  }
  return { queries, judgements };
}

/**
 * Judgements, one a line: query, document and relevance with tabs between them. A first line whose relevance is no number is a header.
 *
 * @param name - of the file, for messages.
 * @throws UsageError that names the line.
 */
export function parseQrels(text: string, name: string): Map<string, Map<string, number>> {
  const judgements = new Map<string, Map<string, number>>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const fields = line.split('\t');
    const [query, document, relevance] = fields;
    const isNumber = /^-?\d{1,9}$/.test(relevance?.trim() ?? '');
    if (i === 0 && fields.length === 3 && !isNumber) continue;
    if (fields.length !== 3 || !isNumber || query === '' || document === '') {
      throw new UsageError(
        `${name}, line ${i + 1}: "${line.slice(0, 60)}" is no judgement; needed: query, document and a whole number, with tabs between them`,
      );
    }
    const judged = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, judged);
    if (judged.has(document)) {
      throw new UsageError(
        `${name}, line ${i + 1}: document "${document}" was judged for query "${query}" before`,
      );
    }
    judged.set(document, Number(relevance));
  }
  return judgements;
}

function newId({ value, place }: InputLine, seen: Set<string>): string {
  const { _id: id } = value;
  if (typeof id !== 'string' || id === '') {
    throw new UsageError(
      `${place}: "_id" is ${JSON.stringify(id) ?? 'missing'}; needed: a string that is not empty`,
    );
  }
  if (seen.has(id)) throw new UsageError(`${place}: there is another "${id}" before it`);
  seen.add(id);
  return id;
}

function titleOf({ value, place }: InputLine): string {
  const { title = '' } = value;
  if (typeof title === 'string') return title;
  throw new UsageError(`${place}: "title" is ${JSON.stringify(title).slice(0, 40)}; needed: a string`);
}
