#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { SternaError } from '../errors.ts';
import type { Device, LoadProgress, Precision, Task } from '../types.ts';
import { embed } from './commands/embed.ts';
import { search } from './commands/search.ts';
import { tokenize } from './commands/tokenize.ts';
import { Embedder } from './index.ts';
import { UsageError } from './json-lines.ts';

const HELP = `sterna: multilingual embeddings and semantic search

  sterna embed     --model DIR [--task query|document] [--dimensions D] [--input FILE] [--output FILE]
                   {"id","text"} or {"id","ids"} a line in, {"id","embedding","tokens","truncated"} a line out
  sterna tokenize  --tokenizer tokenizer.json [--input FILE] [--output FILE]
                   {"id","text"} a line in, {"id","ids","offsets"} a line out; offsets are UTF-16 ranges
  sterna search    --model DIR --documents FILE --query TEXT [--k 10] [--dimensions D] [--json]
                   {"id","text"} a line in, the best passages out

  --model      a folder with config.json, model.safetensors and tokenizer.json, an address of one, or nano (default)
  --device     wasm (default), webgpu, reference, or auto for the fastest
  --precision  of the weights: f32 (default), f16 (webgpu), q8 (webgpu, wasm), q4 (webgpu), or auto
  --threads    of device wasm; as many as the processor has, up to 8, by default
  --dimensions length of the vectors, one that the model was trained to be cut to
  --input, --output   a file, or - for standard input and output (default)
  --quiet      no progress on standard error
`;

const OPTIONS = {
  model: { type: 'string', default: 'nano' },
  device: { type: 'string', default: 'wasm' },
  precision: { type: 'string', default: 'f32' },
  threads: { type: 'string' },
  task: { type: 'string', default: 'document' },
  dimensions: { type: 'string' },
  input: { type: 'string', default: '-' },
  output: { type: 'string', default: '-' },
  tokenizer: { type: 'string' },
  documents: { type: 'string' },
  query: { type: 'string' },
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
  if (more.length > 0) throw new UsageError(`"${more[0]}" is one word too many. Try sterna --help.`);
  if (command === 'tokenize') return runTokenize(values);
  if (command === 'embed') return runEmbed(values);
  if (command === 'search') return runSearch(values);
  throw new UsageError(
    `There is no command "${command}"; needed: embed, tokenize or search. Try sterna --help.`,
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
  const documents = required(values, 'documents');
  const dimensions = wholeNumber(values, 'dimensions');
  const k = wholeNumber(values, 'k') ?? 10;
  const line = status(values);
  const embedder = await load(values, line);
  try {
    const onProgress = (done: number, total: number) => line.show(`${done} of ${total} documents indexed`);
    const hits = await search(embedder, { documents, query, dimensions, k, onProgress });
    line.end(`${hits.length} hits by ${embedder.report.model} on ${where(embedder)}`);
    for (const { score, document, passage, start, end } of hits) {
      const words = `${score.toFixed(4)}  ${document.id}  ${passage.replace(/\s+/g, ' ')}`;
      process.stdout.write(
        `${values.json ? JSON.stringify({ id: document.id, score, passage, start, end }) : words}\n`,
      );
    }
  } finally {
    await embedder.dispose();
  }
}

async function load(values: Values, line: Status): Promise<Embedder> {
  const onProgress = ({ phase, item, loaded, total }: LoadProgress) => {
    const share = total > 0 ? ` ${Math.floor((100 * loaded) / total)} %` : '';
    line.show(`${phase} ${item}${share}`);
  };
  const threads = wholeNumber(values, 'threads');
  return Embedder.create({
    model: values.model,
    device: values.device as Device,
    precision: values.precision as Precision,
    threads,
    onProgress,
  });
}

function where({ report }: Embedder): string {
  return report.adapter ? `${report.device} (${report.adapter})` : report.device;
}

function required(values: Values, name: 'tokenizer' | 'documents' | 'query'): string {
  const value = values[name];
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing. Try sterna --help.`);
  return value;
}

function wholeNumber(values: Values, name: 'dimensions' | 'k' | 'threads'): number | undefined {
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
  process.exitCode = 1;
});
