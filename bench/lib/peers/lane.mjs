/**
 * A process of one engine, so that its memory is its own and what it breaks, too. It does what its parent says, in turn with other
 * lanes: builds an index and saves it, or opens one and searches.
 */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { readRows, rowsOf } from '../vectors.mjs';
import { engineOf } from './index.mjs';

/** Rows that are added together. */
const ADDED = 8192;

/** Milliseconds, and those that the processor worked for this process, all threads together: busy neighbours make only the former longer. */
class Clock {
  ms = 0;
  cpu = 0;

  async run(work) {
    const start = performance.now();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    this.ms += performance.now() - start;
    this.cpu += (user + system) / 1000;
  }
}

const [, , description] = process.argv;
const { lane, vectors, file, count, dimensions, queries, k } = JSON.parse(description);
const engine = await engineOf(lane);
const asked = rowsOf(queries, dimensions);
let index;

const tasks = { build, open, search };
process.on('message', async ({ task, ...options }) => {
  try {
    process.send({ result: await tasks[task](options) });
  } catch (error) {
    process.send({ error: `${error?.message ?? error}`.split('\n')[0].slice(0, 160) });
  }
});
process.send({ result: 'ready' });
await once(process, 'disconnect');
process.exit();

/** Adds all rows, which are read piece by piece. @returns what it took to add them, to do what is left, and the bytes of the file. */
async function build() {
  const before = memory();
  index = await engine.create(count, dimensions);
  const added = new Clock();
  for (let first = 0; first < count; first += ADDED) {
    const rows = readRows(vectors, dimensions, first, Math.min(ADDED, count - first));
    await added.run(() => engine.add(index, rows, first));
  }
  const sealed = new Clock();
  if (engine.seal) await sealed.run(() => engine.seal(index));
  const built = memory() - before;
  return { added, sealed, built, canOpen: Boolean(engine.open), ...(await save()) };
}

async function save() {
  if (!engine.save) return {};
  try {
    await engine.save(index, file);
    return { bytes: statSync(file).size };
  } catch (error) {
    return { saveFails: `${error?.message ?? error}`.split('\n')[0].slice(0, 160) };
  }
}

/** @returns what it took until the index can be searched, and the bytes by which the process has grown then. */
async function open() {
  const before = memory();
  const opened = new Clock();
  await opened.run(async () => {
    index = await engine.open(file, count, dimensions);
  });
  await engine.search(index, asked[0], k);
  return { opened, memory: memory() - before, ownBytes: engine.ownBytes?.(index) };
}

/** Searches with some of the queries, each by itself. @returns milliseconds of each, what all took, and their hits. */
async function search({ from, to }) {
  const times = [];
  const found = [];
  const all = new Clock();
  for (const query of asked.slice(from, to)) {
    const before = all.ms;
    let rows;
    await all.run(async () => {
      rows = await engine.search(index, query, k);
    });
    times.push(all.ms - before);
    found.push(Array.from(rows));
  }
  return { times, all, found };
}

/** Bytes of the process that are in memory. */
function memory() {
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage.rss();
}
