/** What every bench has in common: options, medians, ratios with their spread, a table, and the JSON file. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

/** Reads `--json FILE` and further options of a bench. */
export function options(more = {}) {
  return parseArgs({ options: { json: { type: 'string' }, ...more } }).values;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * How many times ours is theirs, where more is better. Both were measured in turn, round by round, so each round gives
 * a ratio of its own; low and high are the quartiles of these.
 */
export function ratio(name, ours, theirs) {
  const rounds = ours.map((value, i) => value / theirs[i]).sort((a, b) => a - b);
  const at = (share) => rounds[Math.round(share * (rounds.length - 1))];
  return {
    name,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(rounds),
    low: at(0.25),
    high: at(0.75),
  };
}

/** Prints rows of equal keys as a Markdown table. */
export function table(rows) {
  console.log(markdown(rows));
}

/** Rows of equal keys as a Markdown table. */
export function markdown(rows) {
  const columns = Object.keys(rows[0]);
  const cells = rows.map((row) => columns.map((column) => show(row[column])));
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((row) => row[i].length)));
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(columns), rule, ...cells.map(line)].join('\n');
}

function show(value) {
  if (typeof value !== 'number') return String(value);
  return Number.isInteger(value) || value >= 1000
    ? Math.round(value).toLocaleString('en')
    : value.toPrecision(3);
}

/** Prints the ratios, and writes the JSON file where one was asked for, with the tables beside it in Markdown. */
export function finish({ rows, ratios, machine = {}, ...more }, file) {
  for (const { name, ratio: times, low, high } of ratios) {
    console.log(`${name}: ${times.toFixed(2)}× (quartiles ${low.toFixed(2)}–${high.toFixed(2)})`);
  }
  if (!file) return;
  const [{ model: cpu = 'unknown' } = {}] = cpus();
  const report = {
    machine: { cpu, threads: cpus().length, node: process.version, ...machine },
    date: new Date().toISOString(),
    rows,
    ratios,
    ...more,
  };
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(file.replace(/(\.json)?$/, '.md'), page(report));
}

/** What a JSON file says, for people. */
export function page({ machine, date, rows, ratios, packs, start, latency, peak }) {
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const times = (value) => `${value.toFixed(2)}×`;
  const races = ratios.map(({ name, ratio: middle, low, high }) => ({
    race: name,
    ratio: times(middle),
    quartiles: `${times(low)} – ${times(high)}`,
  }));
  if (peak)
    facts.push(
      `SIMD peak of a thread ${peak.f32.toFixed(0)} GFLOP/s in f32 and ${peak.int8.toFixed(0)} GOP/s in int8`,
    );
  const tables = [races, rows, packs, start, latency].filter((one) => one?.length > 0).map(markdown);
  return `${date.slice(0, 10)}: ${facts.join(', ')}. Medians; ratios of speeds, round by round.\n\n${tables.join('\n\n')}\n`;
}
