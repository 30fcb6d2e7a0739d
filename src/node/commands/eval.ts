import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findSets, type SetFolder } from '../../eval/beir.ts';
import {
  EVAL_LEGS,
  type EvalLeg,
  type EvalOptions,
  evaluateSet,
  type SetResult,
} from '../../eval/evaluate.ts';
import { averagesOf, type EvalReport, toMarkdown } from '../../eval/report.ts';
import { EVAL_CODES, type EvalCodes } from '../../eval/vector-leg.ts';
import { nanoSource } from '../../loader/nano.ts';
import { Tokenizer, tokenizerFromBytes } from '../../text/index.ts';
import type { Embedder } from '../index.ts';
import { UsageError } from '../json-lines.ts';

/** What `sterna eval` was told. Lists are as they were written, with commas; absent ones have their default. */
export interface EvalCommand {
  /** Where the model is, for its name and its tokenizer. */
  readonly model: string;
  /** Loads the model. Called only where a leg needs it. */
  readonly load: () => Promise<Embedder>;
  /** Folders in BEIR layout, or that hold such folders. */
  readonly data: readonly string[];
  readonly dimensions?: string;
  readonly codes?: string;
  readonly legs?: string;
  readonly cutoffs?: string;
  /** Path of a tokenizer.json for the legs with words. Default: the model's own. */
  readonly tokenizer?: string;
  /** Path for JSON. */
  readonly output?: string;
  /** Path for Markdown. */
  readonly markdown?: string;
  readonly onProgress: (words: string) => void;
}

/** Measures how well a model, its shorter vectors and their codes retrieve, and words beside them. */
export async function evaluate(command: EvalCommand): Promise<EvalReport> {
  const { model, data, onProgress } = command;
  if (data.length === 0) throw new UsageError('--data is missing. Try sterna --help.');
  const legs = listOf('legs', command.legs, EVAL_LEGS);
  const codes = listOf('codes', command.codes, EVAL_CODES);
  const dimensions = numbersOf('dimensions', command.dimensions ?? '256,128,64');
  const cutoffs = numbersOf('k', command.cutoffs ?? '10');
  const sets = (await Promise.all(data.map(findSets))).flat();
  const tokenizer = legs.every((leg) => leg === 'vector')
    ? undefined
    : await tokenizerOf(model, command.tokenizer);

  const embedder = legs.every((leg) => leg === 'lexical') ? undefined : await command.load();
  try {
    if (embedder) checkLengths(dimensions, embedder);
    const options = { embedder, tokenizer, legs, codes, dimensions, cutoffs };
    const results = await evaluateAll(sets, options, onProgress);
    const space = embedder && (await embedder.embed([])).space;
    const report: EvalReport = {
      model: space?.model ?? model,
      ...(space && { revision: space.revision, precision: embedder.report.precision }),
      date: new Date().toISOString().slice(0, 10),
      sets: results,
      averages: averagesOf(results),
    };
    await write(command.output, `${JSON.stringify(report, undefined, 2)}\n`);
    await write(command.markdown, toMarkdown(report));
    return report;
  } finally {
    await embedder?.dispose();
  }
}

async function evaluateAll(
  sets: readonly SetFolder[],
  options: EvalOptions,
  onProgress: EvalCommand['onProgress'],
): Promise<SetResult[]> {
  const results: SetResult[] = [];
  for (const [i, set] of sets.entries()) {
    const place = `set ${i + 1} of ${sets.length}, ${set.name}`;
    const told = ({ documents, queries }: { documents: number; queries: number }) =>
      onProgress(`${place}: ${documents} documents and ${queries} queries read`);
    results.push(await evaluateSet(set, { ...options, onProgress: told }));
  }
  return results;
}

/** The tokenizer of a model that is in a folder. */
async function tokenizerOf(model: string, path?: string): Promise<Tokenizer> {
  if (path !== undefined) return Tokenizer.fromJSON(await read(path), path);
  if (model === 'nano') return Tokenizer.fromJSON(await read(nanoSource()['tokenizer.json']));
  const json = join(model, 'tokenizer.json');
  if (existsSync(json)) return Tokenizer.fromJSON(await read(json), json);
  const bytes = join(model, 'tokenizer.bin');
  if (existsSync(bytes)) return tokenizerFromBytes(await read(bytes));
  throw new UsageError(
    `There is no tokenizer in ${model}; needed: --tokenizer tokenizer.json, or --legs vector.`,
  );
}

async function read(path: string | URL): Promise<Uint8Array> {
  return readFile(path).catch((error: Error) => {
    throw new UsageError(`${path} cannot be read: ${error.message}`);
  });
}

async function write(path: string | undefined, text: string): Promise<void> {
  if (path === undefined) return;
  await writeFile(path, text).catch((error: Error) => {
    throw new UsageError(`${path} cannot be written: ${error.message}`);
  });
}

function checkLengths(lengths: readonly number[], { report }: Embedder): void {
  const longest = Math.max(...lengths);
  if (longest <= report.dimensions) return;
  throw new UsageError(
    `--dimensions has ${longest}; the vectors of ${report.model} have ${report.dimensions}.`,
  );
}

/** Words of a list, all of them where it is absent. */
function listOf<T extends EvalLeg | EvalCodes>(
  name: string,
  list: string | undefined,
  known: readonly T[],
): T[] {
  if (list === undefined) return [...known];
  return [...new Set(list.split(','))].map((word) => {
    const found = known.find((one) => one === word);
    if (found !== undefined) return found;
    throw new UsageError(`--${name} has "${word}"; needed: ${known.join(', ')}.`);
  });
}

function numbersOf(name: string, list: string): number[] {
  return [...new Set(list.split(','))].map((word) => {
    if (/^[1-9]\d{0,4}$/.test(word)) return Number(word);
    throw new UsageError(
      `--${name} has "${word}"; needed: whole numbers of at least 1 with commas between them.`,
    );
  });
}
