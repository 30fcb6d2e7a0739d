/**
 * `npm run soak:index -- --kills 200 --seed 1`: a browser changes an index at random and is killed in the middle of it, with all its processes, again and
 * again. Each time it is started anew, and what it finds is compared with what was acknowledged before.
 *
 * Two writers, and one who compacts and embeds anew, work at the same time. Some kills come while the index is being opened.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findChromium } from '../scripts/chromium.mjs';
import { MortalBrowser } from './kill/browser.mjs';
import { textOf, Writer, wordsOf } from './kill/operations.mjs';
import { Random } from './kill/random.mjs';
import { Truth } from './kill/truth.mjs';

/** Share of kills that come while the index is being opened. */
const EARLY = 0.15;
/** Longest time from the beginning of opening, or of the work, to the kill, in milliseconds. */
const LONGEST = { opening: 200, work: 1000 };

/** Words of a document's first passage. */
const PASSAGE = 16;

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const kills = Number(values.kills);
const random = new Random(Number(values.seed));
const truth = new Truth();
const writers = ['a', 'b'].map((letter) => new Writer(random, letter, truth));
/** What was under way at a kill, how calls ended that were not acknowledged, and what opening reported. */
const counts = { acknowledged: {}, killed: {}, refused: {}, outcome: {}, recovery: {} };
const count = (of, key, by = 1) => {
  counts[of][key] = (counts[of][key] ?? 0) + by;
};
const failures = [];
/** Milliseconds that opening took. */
const openings = [];

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Calls a function of pages/kill-page.mjs. */
const call = (page, name, input) =>
  page.evaluate(
    async ([name, input]) => {
      const address = '/pages/kill-page.mjs';
      return (await import(address))[name](input);
    },
    [name, input],
  );

/** Opens the index, and compares it with the truth. */
async function check(page) {
  const start = performance.now();
  const { recovery, revision, failure } = await call(page, 'open');
  openings.push(performance.now() - start);
  const { documents, strange } = await call(page, 'contents');
  const found = new Map();
  for (const [id, text] of documents) {
    const version = Number(/v(\d+)/.exec(text)?.[1]);
    if (text !== textOf(id, version)) failures.push(`The text of ${id} is "${text.slice(0, 40)}…".`);
    found.set(id, version);
  }
  const { wrong, outcome } = truth.settle(found);
  failures.push(...wrong);
  for (const [key, value] of Object.entries(outcome)) count('outcome', key, value);
  for (const [key, value] of Object.entries(recovery)) count('recovery', key, value.length ?? value);
  if (strange.length > 0)
    failures.push(`Vectors of ${strange.length} documents are not their texts’: ${strange.slice(0, 3)}.`);
  if (recovery.damagedRecords > 0)
    failures.push(`${recovery.damagedRecords} records of the journal are damaged.`);
  if (failure !== undefined) failures.push(`Work in the background failed: ${failure}`);
  if (found.size > 0 && truth.revisions.size > 0 && !truth.revisions.has(revision))
    failures.push(`Vectors are of revision ${revision}; they could be of ${[...truth.revisions]}.`);
  truth.revisions = new Set([revision]);
  await checkSearch(page);
}

async function checkSearch(page) {
  const asked = random.some(truth.versions, 4);
  const hits = await call(
    page,
    'firstHits',
    asked.map(([id, version]) => wordsOf(id, version).slice(0, PASSAGE).join(' ')),
  );
  for (const [i, hit] of hits.entries()) {
    const [id] = asked[Math.floor(i / 2)];
    if (hit !== id)
      failures.push(
        `A search for the first passage of ${id} by ${i % 2 ? 'words' : 'vectors'} finds ${hit}.`,
      );
  }
}

/** Makes calls, one after another, until the browser is killed. */
async function write(page, writer, life) {
  while (life.isOn) {
    const { kind, input, changes, isWhole } = writer.next();
    const open = truth.begin(changes, isWhole);
    if (await attempt(page, kind, input, life)) truth.acknowledge(open);
    // Without pauses, embedding anew never catches up.
    if (random.next() < 0.3) await sleep(random.between(0, 200));
  }
}

/** Compacts and embeds anew, until the browser is killed. */
async function maintain(page, life) {
  while (life.isOn) {
    await sleep(random.between(0, 150));
    if (random.next() < 0.5) await attempt(page, 'compact', undefined, life);
    else {
      const revision = Math.max(...truth.revisions) + 1;
      truth.revisions.add(revision);
      if (await attempt(page, 'reindex', revision, life)) truth.revisions = new Set([revision]);
    }
  }
}

/** @returns whether a call was acknowledged. */
async function attempt(page, kind, input, life) {
  life.underWay.add(kind);
  try {
    await call(page, kind, input);
    count('acknowledged', kind);
    return true;
  } catch (error) {
    if (life.isOn) {
      const code = /\[([a-z-]+)\]/.exec(error.message)?.[1];
      count('refused', `${kind} ${code}`);
      // A batch that was embedded for a space that has just been left is refused, and its writer may try again.
      if (code !== 'space-mismatch') failures.push(`${kind} is refused: ${error.message}`);
    }
    return false;
  } finally {
    if (life.isOn) life.underWay.delete(kind);
  }
}

/** From the start of a browser to its end. */
async function live(executable, profile, address) {
  const browser = await MortalBrowser.start(executable, profile);
  const life = { isOn: true, underWay: new Set() };
  const end = async () => {
    life.isOn = false;
    await browser.kill();
    for (const kind of life.underWay) count('killed', kind);
  };
  const page = browser.page();
  await page.goto(address);
  if (random.next() < EARLY) {
    life.underWay.add('open');
    const opened = call(page, 'open').catch(() => {});
    await sleep(random.between(0, LONGEST.opening));
    await end();
    await opened;
    return;
  }
  await check(page).catch((error) => failures.push(`The index does not open: ${error.message}`));
  const work = [...writers.map((writer) => write(page, writer, life)), maintain(page, life)];
  await sleep(random.between(0, LONGEST.work));
  await end();
  await Promise.all(work);
}

/** A port that is free. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, 'localhost', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const started = performance.now();
const profile = mkdtempSync(join(tmpdir(), 'sterna-killed-'));
const port = await freePort();
const server = spawn(
  process.execPath,
  [fileURLToPath(new URL('server.mjs', import.meta.url)), String(port)],
  {
    stdio: 'inherit',
  },
);
const executable = findChromium();
const address = `http://localhost:${port}/pages/blank.html`;
let done = 0;
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    isStopped = true;
  });
try {
  for (; done < kills && failures.length === 0 && !isStopped; done++) {
    await live(executable, profile, address);
    if (done % 20 === 19) console.log(`${done + 1} kills, ${truth.versions.size} documents`);
  }
  const last = await MortalBrowser.start(executable, profile);
  await last.page().goto(address);
  if (failures.length === 0) await check(last.page());
  await last.kill();
} finally {
  server.kill();
  if (failures.length === 0) rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
openings.sort((one, other) => one - other);
const at = (share) => Math.round(openings[Math.floor(share * (openings.length - 1))] ?? 0);
const words = (of) =>
  Object.entries(counts[of])
    .map(([key, value]) => `${key} ${value}`)
    .join(', ') || 'none';
console.log(`${done} kills in ${Math.round((performance.now() - started) / 1000)} s, seed ${values.seed}`);
console.log(`  acknowledged: ${words('acknowledged')}; refused: ${words('refused')}`);
console.log(`  under way at a kill: ${words('killed')}`);
console.log(`  calls that were not acknowledged: ${words('outcome')}`);
console.log(
  `  recovery: ${words('recovery')}; opening took ${at(0.5)} ms at the median, ${at(1)} ms at most`,
);
console.log(`  documents at the end: ${truth.versions.size}; failures: ${failures.length}`);
for (const failure of failures.slice(0, 20)) console.error(`  ${failure}`);
if (failures.length > 0) console.error(`  The profile is left in ${profile}.`);
process.exitCode = failures.length > 0 ? 1 : 0;
