#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { SternaError } from '../errors.ts';
import { toMarkdown } from '../eval/report.ts';
import type { Device, LoadProgress, Precision, Task } from '../types.ts';
import { convert } from './commands/convert.ts';
import { embed } from './commands/embed.ts';
import { evaluate } from './commands/eval.ts';
import { exportIndex } from './commands/export.ts';
import { importIndex } from './commands/import.ts';
import { indexDocuments, wordsOf } from './commands/index-docs.ts';
import { search } from './commands/search.ts';
import { tokenize } from './commands/tokenize.ts';
import { Embedder, type SearchHit } from './index.ts';
import { UsageError } from './json-lines.ts';

const HELP = `sterna: multilingual embeddings and semantic search

  sterna embed     --model DIR [--task query|document] [--dimensions D] [--input FILE] [--output FILE]
                   {"id","text"} or {"id","ids"} a line in, {"id","embedding","tokens","truncated"} a line out
  sterna tokenize  --tokenizer tokenizer.json [--input FILE] [--output FILE]
                   {"id","text"} a line in, {"id","ids","offsets"} a line out; offsets are UTF-16 ranges
  sterna search    --index DIR_OR_FILE --query TEXT [--k 10] [--mode vector|lexical|hybrid] [--filter JSON] [--json]
                   the best passages of an index; with --documents FILE, of {"id","text"} a line, in its place

  sterna index     SOURCE --output DIR_OR_FILE [--dimensions D] [--codes int8|int4|binary|float32] [--passage-tokens 128]
                   [--metadata FIELDS] [--reindex] [--sharded]
                   makes an index, or brings one in line with SOURCE: {"id","text", …} a line (or - for standard input), a folder of .txt, .md and
                   .html files, or a .parquet or .arrow file. Interrupted, it goes on when it is run again. FILE.sterna: the index in one file;
                   --sharded: files for a static host, whose pages fetch what a query needs
  sterna export    --index DIR_OR_FILE --output FILE.parquet|.arrow|.sterna
                   passages with their vectors for other databases, or the index in one file
  sterna import    FILE.sterna --index DIR
                   a folder of an index in one file

  sterna convert   MODEL --precision q8|q4|f16|f32 --output DIR [--languages FILE …]
                   a pack, which browsers read in parts; of the words, with --languages, those that the sample texts need, one a line

  sterna eval      --model DIR --data DIR … [--legs vector,lexical,hybrid] [--dimensions 256,128,64] [--codes float32,int8,int4,binary,binary+int8]
                   [--k 10] [--tokenizer tokenizer.json] [--output FILE.json] [--markdown FILE.md]
                   folders in BEIR layout (corpus.jsonl, queries.jsonl, qrels.tsv), or that hold such folders; nDCG, recall, MRR and MAP out

  --model      a folder with config.json, model.safetensors and tokenizer.json, or with a pack, an address of one, a repository of the
               Hugging Face hub (owner/name, arctic-m-v2 or arctic-l-v2), or nano (default)
  --revision, --base-url   which version of a repository, and from which mirror of the hub
  --device     wasm (default), webgpu, reference, or auto for the fastest
  --precision  of the weights: f32, f16 (webgpu), q8, q4, or auto; by default that of a pack, auto for a repository, else f32
  --threads    of device wasm; as many as the processor has, up to 8, by default
  --dimensions length of the vectors, one that the model was trained to be cut to
  --input, --output   a file, or - for standard input and output (default)
  --quiet      no progress on standard error
`;

const OPTIONS = {
  model: { type: 'string', default: 'nano' },
  device: { type: 'string', default: 'wasm' },
  precision: { type: 'string' },
  threads: { type: 'string' },
  task: { type: 'string', default: 'document' },
  dimensions: { type: 'string' },
  input: { type: 'string', default: '-' },
  output: { type: 'string', default: '-' },
  tokenizer: { type: 'string' },
  languages: { type: 'string', multiple: true },
  revision: { type: 'string' },
  'base-url': { type: 'string' },
  documents: { type: 'string' },
  query: { type: 'string' },
  index: { type: 'string' },
  mode: { type: 'string' },
  filter: { type: 'string' },
  'passage-tokens': { type: 'string' },
  metadata: { type: 'string' },
  reindex: { type: 'boolean', default: false },
  sharded: { type: 'boolean', default: false },
  data: { type: 'string', multiple: true },
  legs: { type: 'string' },
  codes: { type: 'string' },
  markdown: { type: 'string' },
  k: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parse>['values'];

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message} Try sterna --help.`);
  }
}

async function run(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const [command, ...more] = positionals;
  if (values.help || command === undefined || command === 'help') {
    process.stdout.write(HELP);
    if (command === undefined && !values.help) process.exitCode = 2;
    return;
  }
  if (command === 'convert') return runConvert(values, more);
  if (command === 'index') return runIndex(values, more);
  if (command === 'import') return runImport(values, more);
  if (more.length > 0) throw new UsageError(`"${more[0]}" is one word too many. Try sterna --help.`);
  if (command === 'tokenize') return runTokenize(values);
  if (command === 'embed') return runEmbed(values);
  if (command === 'search') return runSearch(values);
  if (command === 'export') return runExport(values);
  if (command === 'eval') return runEval(values);
  throw new UsageError(
    `There is no command "${command}"; needed: embed, tokenize, search, index, export, import, convert or eval. Try sterna --help.`,
  );
}

async function runTokenize(values: Values): Promise<void> {
  const { input, output } = values;
  const count = await tokenize({ tokenizer: required(values, 'tokenizer'), input, output });
  status(values).end(`${count} texts tokenised`);
}

async function runEmbed(values: Values): Promise<void> {
  const { input, output } = values;
  const dimensions = wholeNumber(values, 'dimensions');
  const line = status(values);
  const embedder = await load(values, line);
  try {
    const onProgress = (lines: number) => line.show(`${lines} texts embedded`);
    const count = await embed(embedder, { input, output, task: values.task as Task, dimensions, onProgress });
    line.end(`${count} texts embedded by ${embedder.report.model} on ${where(embedder)}`);
  } finally {
    await embedder.dispose();
  }
}

async function runSearch(values: Values): Promise<void> {
  const query = required(values, 'query');
  const { mode, filter } = values;
  const source = searched(values);
  const dimensions = wholeNumber(values, 'dimensions');
  const k = wholeNumber(values, 'k') ?? 10;
  const line = status(values);
  const embedder = await load(values, line);
  try {
    const onProgress = (done: number, total: number) => line.show(`${done} of ${total} documents indexed`);
    const command = { source, query, dimensions, k, mode, filter, onProgress };
    const hits = await search(embedder, command);
    line.end(`${hits.length} hits by ${embedder.report.model} on ${where(embedder)}`);
    for (const hit of hits)
      process.stdout.write(`${values.json ? jsonOf(hit, mode ?? 'vector') : lineOf(hit)}\n`);
  } finally {
    await embedder.dispose();
  }
}

function searched({ documents, index }: Values) {
  if (index !== undefined && documents === undefined) return { index };
  if (documents !== undefined && index === undefined) return { documents };
  throw new UsageError('One of --index and --documents is needed. Try sterna --help.');
}

function lineOf({ score, id, passage }: SearchHit): string {
  return `${score.toFixed(4)}  ${id}  ${passage.replace(/\s+/g, ' ')}`;
}

function jsonOf({ id, score, scores, passage, start, end, highlights, document }: SearchHit, mode: string) {
  const words = mode === 'vector' ? {} : { scores, highlights };
  return JSON.stringify({ id, score, passage, start, end, ...words, metadata: document.metadata });
}

async function runIndex(values: Values, [source, ...more]: readonly string[]): Promise<void> {
  if (source === undefined || more.length > 0)
    throw new UsageError('One source is to be indexed. Try sterna --help.');
  const { output, codes, metadata, reindex, sharded } = values;
  if (output === '-')
    throw new UsageError('--output is missing; needed: a folder, or a file name that ends in .sterna.');
  const line = status(values);
  const made = await indexDocuments({
    source,
    output,
    sharded,
    load: () => load(values, line),
    dimensions: wholeNumber(values, 'dimensions'),
    codes,
    passageTokens: wholeNumber(values, 'passage-tokens'),
    metadata,
    reindex,
    signal: interruption(),
    onProgress: (words) => line.show(words),
  });
  const { documents, passages, bytes, model, ready, published } = made;
  line.end(`${wordsOf(made)}${ready ? ', with the vectors of the source' : ''}`);
  const files = published ? `, ${published.written} files written, ${published.kept} kept` : '';
  line.end(
    `${output}: ${documents} documents in ${passages} passages by ${model}, ${megabytes(bytes)}${files}`,
  );
}

async function runExport(values: Values): Promise<void> {
  const { output } = values;
  const { documents, passages, bytes } = await exportIndex({ index: required(values, 'index'), output });
  status(values).end(`${output}: ${documents} documents in ${passages} passages, ${megabytes(bytes)}`);
}

async function runImport(values: Values, [file, ...more]: readonly string[]): Promise<void> {
  if (file === undefined || more.length > 0)
    throw new UsageError('One file is to be imported. Try sterna --help.');
  const index = required(values, 'index');
  const { documents } = await importIndex({ file, index });
  status(values).end(`${index}: ${documents} documents`);
}

const INTERRUPTED = new UsageError('Interrupted. What was done is kept; run it again to go on.');

/** Aborted by the first Ctrl-C; the second one ends the process as ever. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort(INTERRUPTED));
  return controller.signal;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

async function runEval(values: Values): Promise<void> {
  const { model, data = [], dimensions, codes, legs, k, tokenizer, output, markdown } = values;
  const line = status(values);
  const report = await evaluate({
    model,
    load: () => load(values, line),
    data,
    dimensions,
    codes,
    legs,
    cutoffs: k,
    tokenizer,
    output: output === '-' ? undefined : output,
    markdown,
    onProgress: (words) => line.show(words),
  });
  line.end(`${report.sets.length} sets searched`);
  if (markdown === undefined) process.stdout.write(toMarkdown(report));
}

const PACKED: readonly string[] = ['f32', 'f16', 'q8', 'q4'];

async function runConvert(values: Values, [model, ...more]: readonly string[]): Promise<void> {
  if (model === undefined || more.length > 0)
    throw new UsageError('One model is to be converted. Try sterna --help.');
  const { precision = '', output, languages = [], revision, 'base-url': baseUrl } = values;
  if (!PACKED.includes(precision))
    throw new UsageError(`--precision is "${precision}"; needed: ${PACKED.join(', ')}.`);
  if (output === '-') throw new UsageError('--output is missing; needed: a folder.');
  const line = status(values);
  const onProgress = progressOn(line);
  const made = await convert({
    model,
    precision: precision as Precision,
    output,
    languages,
    revision,
    baseUrl,
    onProgress,
  });
  line.end(`${output}: ${made.files} files, ${megabytes(made.bytes)}, ${made.words} words`);
  if (!made.loss) return;
  const { texts, sameTexts, tokens, prunedTokens, unknown } = made.loss;
  const longer = ((100 * prunedTokens) / tokens - 100).toFixed(1);
  line.end(
    `Of ${texts} sample texts that were held out, ${(100 * sameTexts).toFixed(0)} % are read as before; all together take ${longer} % more tokens, ${unknown} of them unknown.`,
  );
}

function progressOn(line: Status) {
  return ({ phase, item, loaded, total }: LoadProgress) => {
    const share = total > 0 ? ` ${Math.floor((100 * loaded) / total)} %` : '';
    line.show(`${phase} ${item}${share}`);
  };
}

async function load(values: Values, line: Status): Promise<Embedder> {
  const onProgress = progressOn(line);
  const threads = wholeNumber(values, 'threads');
  return Embedder.create({
    model: values.model,
    device: values.device as Device,
    precision: values.precision as Precision | undefined,
    threads,
    revision: values.revision,
    baseUrl: values['base-url'],
    onProgress,
  });
}

function where({ report }: Embedder): string {
  return report.adapter ? `${report.device} (${report.adapter})` : report.device;
}

function required(values: Values, name: 'tokenizer' | 'query' | 'index'): string {
  const value = values[name];
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing. Try sterna --help.`);
  return value;
}

function wholeNumber(
  values: Values,
  name: 'dimensions' | 'k' | 'threads' | 'passage-tokens',
): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  throw new UsageError(`--${name} is "${value}"; needed: a whole number.`);
}

/** One line on standard error that is written over as work goes on. */
interface Status {
  show(words: string): void;
  end(words: string): void;
}

function status({ quiet }: Values): Status {
  const { stderr } = process;
  if (quiet) return { show: () => {}, end: () => {} };
  // Only a terminal can be written over; a log gets the last line alone.
  const clear = stderr.isTTY ? '\r\x1b[K' : '';
  return {
    show: (words) => void (stderr.isTTY && stderr.write(clear + words)),
    end: (words) => void stderr.write(`${clear}${words}\n`),
  };
}

/** What went wrong, in one line. */
function explain(error: unknown): string {
  const { name, message } = error as Error;
  const words = error instanceof SternaError || error instanceof UsageError ? message : `${name}: ${message}`;
  const code = error instanceof SternaError ? ` [${error.code}]` : '';
  return `sterna${code}: ${words.replace(/\s*\n\s*/g, ' ')}`;
}

// A reader that has seen enough (`| head`) closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

run(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${explain(error)}\n`);
  process.exitCode = error === INTERRUPTED ? 130 : 1;
});
