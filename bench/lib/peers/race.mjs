/** A race: every engine builds its index in a process of its own; then all are open, and search in turn. */
import { fork } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('lane.mjs', import.meta.url));

/** Hits of a query. */
export const K = 10;

/**
 * Races engines on one set of vectors.
 *
 * @param lanes - of index.mjs, the first of them the judge, which is exact.
 * @param set - `{ name, vectors, queries, count, dimensions, asked }`: files of float32 and how many rows they have.
 * @param rounds - parts of the queries: all engines do one before any does the next.
 * @returns for each lane what was measured, `times` by rounds, `searched`: milliseconds of the processor a query by rounds, `recall`, or `fails` with its own words for it.
 */
export async function raceVectors(lanes, set, folder, rounds) {
  const results = new Map(lanes.map((lane) => [lane.name, { lane }]));
  const open = [];
  try {
    for (const lane of lanes) open.push(...(await prepare(lane, set, folder, results.get(lane.name))));
    await searchAll(open, set, rounds);
  } finally {
    for (const { process } of open) process.end();
  }
  const [judge] = results.values();
  for (const result of results.values()) if (result.found) result.recall = recall(result.found, judge.found);
  for (const { name } of lanes) rmSync(fileOf(name, folder), { force: true });
  return [...results.values()];
}

/** An engine with an index that can be searched; none where it fails. */
async function prepare(lane, set, folder, result) {
  const file = fileOf(lane.file ?? lane.name, folder);
  let process;
  try {
    process = await start(lane, set, file);
    if (!lane.file) {
      Object.assign(result, await process.do('build'));
      console.error(
        `${set.name}: ${lane.name} built in ${Math.round(result.added.ms + result.sealed.ms)} ms`,
      );
      if (existsSync(file) && !result.saveFails && result.canOpen) {
        // Opened by a process that has seen none of the building.
        process.end();
        process = await start(lane, set, file);
      } else {
        return [{ process, result }];
      }
    }
    try {
      Object.assign(result, await process.do('open'));
    } catch (error) {
      process.end();
      if (lane.file) throw error;
      result.openFails = error.message;
      process = await start(lane, set, file);
      await process.do('build');
    }
    return [{ process, result }];
  } catch (error) {
    process?.end();
    result.fails = error.message;
    console.error(`${set.name}: ${lane.name} fails: ${error.message}`);
    return [];
  }
}

async function searchAll(open, { asked, name }, rounds) {
  const size = Math.ceil(asked / rounds);
  for (const { process, result } of open) {
    await process.do('search', { from: 0, to: 3 });
    result.times = [];
    result.searched = [];
    result.found = [];
  }
  for (let from = 0; from < asked; from += size) {
    for (const { process, result } of open) {
      const { times, all, found } = await process.do('search', { from, to: Math.min(asked, from + size) });
      result.times.push(times);
      result.searched.push(all.cpu / times.length);
      result.found.push(...found);
    }
  }
  console.error(`${name}: searched`);
}

/** The share of the exact hits that were found. */
function recall(found, exact) {
  let hits = 0;
  let all = 0;
  for (const [i, rows] of exact.entries()) {
    const there = new Set(found[i]);
    hits += rows.filter((row) => there.has(row)).length;
    all += rows.length;
  }
  return hits / all;
}

const fileOf = (name, folder) => join(folder, `${name.replaceAll(/\W+/g, '-')}.index`);

async function start(lane, { vectors, queries, count, dimensions }, file) {
  const description = JSON.stringify({ lane, vectors, queries, file, count, dimensions, k: K });
  const child = fork(script, [description], {
    execArgv: ['--expose-gc', '--max-old-space-size=12288'],
    silent: true,
  });
  let settle;
  const answer = () =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
  let words = '';
  child.stderr.on('data', (data) => {
    words += data;
  });
  child.stdout.resume();
  child.on('message', ({ result, error }) =>
    error === undefined ? settle.resolve(result) : settle.reject(new Error(error)),
  );
  child.on('exit', (code, signal) => {
    const reason = words.split('\n').find((line) => /Error|FATAL|panicked/.test(line)) ?? '';
    settle.reject(new Error(`the process ended (${signal ?? code}) ${reason.slice(0, 160)}`));
  });
  await answer();
  return {
    do(task, options) {
      const result = answer();
      child.send({ task, ...options });
      return result;
    },
    end() {
      settle.reject = () => {};
      if (child.connected) child.disconnect();
      child.kill();
    },
  };
}
