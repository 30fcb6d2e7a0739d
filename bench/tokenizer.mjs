/**
 * Our tokenizer against `@huggingface/tokenizers`, the same vocabulary and the same text, in turn.
 *
 *     npm run bench:tokenizer [-- --json FILE] [--tokenizer tokenizer.json] [--rounds 9]
 *
 * Takes the 250,002 pieces of XLM-R and lines in 86 languages from ../shared/data/xlm-r, else the nano model's vocabulary
 * and texts. Load time and memory are measured in a process of their own each.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { finish, median, options, ratio, table } from './lib/report.mjs';

const root = new URL('..', import.meta.url);
const shared = new URL('../shared/data/xlm-r/', root);
const nano = new URL('models/nano/', root);

const {
  json,
  tokenizer: path,
  rounds,
} = options({
  tokenizer: {
    type: 'string',
    default: fileURLToPath(
      existsSync(shared) ? new URL('tokenizer.json', shared) : new URL('tokenizer.json', nano),
    ),
  },
  rounds: { type: 'string', default: '9' },
});

/** Engines: how to load them, and how to get the number of tokens of a text. */
const engines = {
  async sterna() {
    // The source as it is, without a build.
    const { runnerImport } = await import('vite');
    const { module } = await runnerImport(fileURLToPath(new URL('src/text/tokenizer.ts', root)), {
      configFile: false,
      logLevel: 'error',
    });
    return {
      load: (bytes) => module.Tokenizer.fromJSON(bytes),
      count: (tokenizer, text) => tokenizer.encode(text).ids.length,
    };
  },
  async '@huggingface/tokenizers'() {
    const { Tokenizer } = await import('@huggingface/tokenizers');
    return {
      load: (bytes) => new Tokenizer(JSON.parse(new TextDecoder().decode(bytes)), {}),
      count: (tokenizer, text) => tokenizer.encode(text).ids.length,
    };
  },
};

if (process.env.STERNA_BENCH_LOAD) {
  console.log(JSON.stringify(await measureLoad(process.env.STERNA_BENCH_LOAD)));
} else {
  await main();
}

/** Milliseconds from bytes to a tokenizer, and bytes that stay on the heap. */
async function measureLoad(name) {
  const { load, count } = await engines[name]();
  const bytes = readFileSync(path);
  const used = () => {
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const start = performance.now();
  let tokenizer = load(bytes);
  const milliseconds = performance.now() - start;
  const megabytes = (used() - before) / 1e6;
  const ready = count(tokenizer, 'still alive');
  tokenizer = undefined;
  return { milliseconds, megabytes, ready };
}

function loadInOwnProcess(name) {
  const environment = { ...process.env, STERNA_BENCH_LOAD: name };
  const script = fileURLToPath(import.meta.url);
  const output = execFileSync(process.execPath, ['--expose-gc', script, '--tokenizer', path], {
    env: environment,
  });
  return JSON.parse(output.toString());
}

/** Lines in many languages. */
function texts() {
  const parity = new URL('parity.jsonl.gz', shared);
  if (existsSync(parity)) {
    const lines = gunzipSync(readFileSync(parity)).toString().trim().split('\n');
    return lines.filter((_, i) => i % 4 === 0).map((line) => JSON.parse(line).text);
  }
  const { items } = JSON.parse(readFileSync(new URL('golden.json', nano), 'utf8'));
  return Array.from({ length: 50 }, () => items.map(({ text }) => text)).flat();
}

async function main() {
  const names = Object.keys(engines);
  const loads = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < 3; round++) for (const name of names) loads[name].push(loadInOwnProcess(name));

  const lines = texts();
  const bytes = readFileSync(path);
  const speeds = Object.fromEntries(names.map((name) => [name, []]));
  const ready = {};
  for (const name of names) {
    const { load, count } = await engines[name]();
    const tokenizer = load(bytes);
    ready[name] = () => lines.reduce((sum, line) => sum + count(tokenizer, line), 0);
  }
  // The first round warms up.
  for (let round = 0; round <= Number(rounds); round++) {
    for (const name of names) {
      const start = performance.now();
      const tokens = ready[name]();
      if (round > 0) speeds[name].push((1000 * tokens) / (performance.now() - start));
    }
  }

  const rows = names.map((name) => ({
    engine: name,
    'load ms': median(loads[name].map(({ milliseconds }) => milliseconds)),
    'heap MB': median(loads[name].map(({ megabytes }) => megabytes)),
    'tokens/s': median(speeds[name]),
  }));
  table(rows);
  const [ours, theirs] = names;
  const perSecond = (name) => loads[name].map(({ milliseconds }) => 1000 / milliseconds);
  const perMegabyte = (name) => loads[name].map(({ megabytes }) => 1 / megabytes);
  const ratios = [
    ratio('tokens per second', speeds[ours], speeds[theirs]),
    ratio('loads per second', perSecond(ours), perSecond(theirs)),
    ratio('tokenizers per megabyte', perMegabyte(ours), perMegabyte(theirs)),
  ];
  finish({ rows, ratios }, json);
}
