/**
 * A million tiny documents through the whole index in Node: words, metadata, vectors, journal, segments on the disk. Their vectors are sums of
 * seeded ones of their words, so that no model is waited for. Says how long it takes and how much memory, and checks what is found.
 *
 *     npm run bench:documents [-- --count 1000000] [--codes int8] [--json FILE]
 */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleSource, removeSource, source } from './lib/peers/source.mjs';
import { options, table } from './lib/report.mjs';

const {
  count: wanted,
  codes,
  json,
} = options({
  count: { type: 'string', default: '1000000' },
  codes: { type: 'string', default: 'int8' },
});
const count = Number(wanted);
const DIMENSIONS = 64;
const WORDS = 20_000;
/** Documents that are added by one call. */
const STEP = 10_000;
const QUERIES = 50;
const LANGUAGES = ['de', 'en', 'ja', 'th'];

/** Numbers of 32 bits that come again. */
function mixed(n) {
  let x = Math.imul(n + 1, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
  return (x ^ (x >>> 13)) >>> 0;
}

/** Words of a document; small numbers are frequent ones. The first is its own. */
function wordsOf(n) {
  const length = 3 + (mixed(n) % 6);
  const others = Array.from({ length }, (_, i) => {
    const share = mixed(n * 16 + i + 7) / 2 ** 32;
    return `w${Math.floor(WORDS * share * share)}`;
  });
  return [`own${n}`, ...others];
}

const idOfWord = (word) => (word.startsWith('own') ? WORDS + Number(word.slice(3)) : Number(word.slice(1)));

const documentOf = (n) => ({
  id: `document ${n}`,
  text: wordsOf(n).join(' '),
  metadata: { lang: LANGUAGES[n % 4], number: n },
});

/** Embeds texts by their words. */
const embedder = {
  chunk: async (texts) =>
    texts.map((text) => [{ text, start: 0, end: text.length, tokenCount: text.split(' ').length }]),
  async embed(texts) {
    const embeddings = texts.map((text) => {
      const values = new Float32Array(DIMENSIONS);
      for (const word of text.split(' '))
        for (let i = 0; i < DIMENSIONS; i++)
          values[i] += mixed(idOfWord(word) * DIMENSIONS + i) / 2 ** 31 - 1;
      const length = Math.hypot(...values);
      return { values: values.map((x) => x / length) };
    });
    const space = { id: 'words/64', model: 'words', revision: 'words', dimensions: DIMENSIONS };
    return { embeddings, space };
  },
  async tokenize(texts) {
    const tokenized = texts.map((text) => {
      const words = [...text.matchAll(/\S+/g)];
      return {
        ids: Uint32Array.from(words, ([word]) => idOfWord(word)),
        offsets: Uint32Array.from(words.flatMap(({ 0: word, index }) => [index, index + word.length])),
      };
    });
    return { unknownId: 2 ** 31, texts: tokenized };
  },
};

const seconds = (from) => (performance.now() - from) / 1000;
const percentile = (times, share) =>
  [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))];
const megabytes = () => process.memoryUsage().rss / 1e6;

const folder = mkdtempSync(join(tmpdir(), 'sterna-documents-'));
const report = { count, codes, date: new Date().toISOString(), steps: [] };
let failures = 0;
const check = (is, what) => {
  if (is) return;
  failures++;
  console.error(`wrong: ${what}`);
};

try {
  await bundleSource();
  const { SemanticIndex } = await source('node');
  const open = () => SemanticIndex.open({ embedder, folder, codes, threads: 1 });
  let index = await open();
  const before = megabytes();
  let peak = before;
  const begun = performance.now();
  const waits = [];
  for (let from = 0; from < count; from += STEP) {
    const some = Array.from({ length: Math.min(STEP, count - from) }, (_, i) => documentOf(from + i));
    const start = performance.now();
    await index.add(some);
    waits.push(seconds(start));
    peak = Math.max(peak, megabytes());
    if ((from + STEP) % 100_000 === 0)
      console.error(`${from + STEP} documents after ${seconds(begun).toFixed(0)} s, ${peak.toFixed(0)} MB`);
  }
  report.addSeconds = seconds(begun);
  report.waitP50 = percentile(waits, 0.5);
  report.waitMost = Math.max(...waits);
  await searches(index, 'searches');
  const removing = performance.now();
  for (let from = 0; from < count / 100; from += 1000)
    await index.remove(
      Array.from({ length: Math.min(1000, count / 100 - from) }, (_, i) => `document ${100 * (from + i)}`),
    );
  report.removeSeconds = seconds(removing);
  const size = count - Math.ceil(count / 100);
  check(index.size === size, `there are ${index.size} documents; needed: ${size}`);
  await index.dispose();
  const opening = performance.now();
  index = await open();
  report.openSeconds = seconds(opening);
  check(index.size === size, `after reopening there are ${index.size} documents; needed: ${size}`);
  check(!(await index.has('document 100')), 'a removed document is there');
  await searches(index, 'searches after reopening', true);
  report.memory = megabytes() - before;
  report.peak = Math.max(peak, megabytes()) - before;
  report.diskBytes = readdirSync(folder, { recursive: true }).reduce((sum, name) => {
    const file = statSync(join(folder, name));
    return sum + (file.isFile() ? file.size : 0);
  }, 0);
  await index.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
  removeSource();
}

/** Asks for documents by words of their own, in three ways, and checks that they come first. */
async function searches(index, name, someAreGone = false) {
  for (const [mode, filter] of [
    ['vector', undefined],
    ['lexical', undefined],
    ['hybrid', undefined],
    ['hybrid', (n) => ({ lang: LANGUAGES[n % 4], number: { gte: n } })],
  ]) {
    const times = [];
    for (let i = 0; i < QUERIES; i++) {
      const n = mixed(i) % count;
      const start = performance.now();
      const hits = await index.search(documentOf(n).text, { mode, k: 10, filter: filter?.(n) });
      times.push(performance.now() - start);
      const isGone = someAreGone && n % 100 === 0;
      if (!isGone) check(hits[0]?.id === `document ${n}`, `${mode} finds "${hits[0]?.id}" for document ${n}`);
      check(
        hits.every((hit) => !filter || hit.document.metadata.lang === LANGUAGES[n % 4]),
        `${mode} passes over the filter`,
      );
    }
    const label = `${name}, ${mode}${filter ? ' with a filter' : ''}`;
    report.steps.push({ label, p50: percentile(times, 0.5), p95: percentile(times, 0.95) });
  }
}

report.failures = failures;
if (json) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
const number = (x) => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
const both = (a, b) => `${number(a)}, ${number(b)}`;
const rows = {
  documents: report.count.toLocaleString('en'),
  'added in, s': number(report.addSeconds),
  [`wait for ${STEP.toLocaleString('en')}: p50, most, s`]: both(report.waitP50, report.waitMost),
  'removed 1 % in, s': number(report.removeSeconds),
  'opened again in, s': number(report.openSeconds),
  'memory at the end, and at most, MB': both(report.memory, report.peak),
  'on the disk, MB': number(report.diskBytes / 1e6),
  ...Object.fromEntries(
    report.steps.map(({ label, p50, p95 }) => [`${label}: p50, p95, ms`, both(p50, p95)]),
  ),
  'wrong answers': report.failures,
};
table(Object.entries(rows).map(([what, value]) => ({ what, value })));
if (failures > 0) process.exitCode = 1;
