/** What races of indexes come to: rows of a table, bars, and a page. */
import { markdown, median, ratio } from './report.mjs';

const MB = 1e6;

/** A row of the table from what a race measured of an engine. */
export function rowOf(result) {
  const { lane, fails, saveFails, openFails, added, sealed, built, bytes, opened, memory, ownBytes } = result;
  const { times = [], searched = [], recall, canOpen } = result;
  const all = times.flat();
  const at = (share) => (all.length > 0 ? quantile(all, share) : '');
  const own = ownBytes === undefined ? '' : ownBytes / MB;
  const words = [
    fails && `fails: ${fails}`,
    saveFails && `cannot be saved: ${saveFails}`,
    openFails && `cannot be opened again: ${openFails}`,
    canOpen === false && 'cannot be opened from a file in Node',
    lane.isNative && 'native',
  ].filter(Boolean);
  return {
    engine: lane.name,
    'add s': seconds(added?.ms),
    'ready s': seconds(added && added.ms + sealed.ms),
    'ready, CPU s': seconds(added && added.cpu + sealed.cpu),
    'disk MB': bytes === undefined ? '' : bytes / MB,
    'open ms': opened?.ms ?? '',
    'memory MB': (memory ?? built) === undefined ? '' : (memory ?? built) / MB,
    'by its own count MB': own,
    'p50 ms': at(0.5),
    'p95 ms': at(0.95),
    'CPU ms': searched.length > 0 ? median(searched) : '',
    'recall@10': recall ?? '',
    notes: words.join('; '),
    times,
    searched,
    adding: added?.cpu,
    isApproximate: lane.isApproximate ?? false,
  };
}

const seconds = (milliseconds) => (milliseconds === undefined ? '' : milliseconds / 1000);

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

const MILLION = 1_000_000;
const HUNDRED_THOUSAND = 100_000;

const isSeeded = (size) => (set) => set.count === size && set.name.startsWith('seeded');

/** What was aimed at, with what was reached. */
export function barsOf(sets) {
  const seeded = (count) => {
    const [first, ...more] = sets.filter(isSeeded(count));
    return first && { ...first, rows: [first, ...more].flatMap(({ rows }) => rows) };
  };
  return [...millionBars(seeded(MILLION)), ...hundredThousandBars(sets.find(isSeeded(HUNDRED_THOUSAND)))];
}

function millionBars(set) {
  if (!set) return [];
  const of = (engine) => set.rows.find((row) => row.engine === engine) ?? {};
  const [int8, int4, reranked] = ['sterna int8', 'sterna int4', 'sterna int8 + float32'].map(of);
  const all = of('sterna int8, all planes');
  const most = (name, value, bar) => line(`1M × 256: ${name}`, value, `≤ ${bar}`, value <= bar);
  const share = (set.count * set.dimensions) / (all['p50 ms'] / 1000) / Math.max(...set.bandwidth);
  return [
    most('int8, MB on disk', int8['disk MB'], 270),
    most('int8, MB of memory by its own count', int8['by its own count MB'], 270),
    most('int8, MB by which the process has grown', int8['memory MB'], 270),
    most('int4, MB on disk', int4['disk MB'], 140),
    most('int4, MB of memory by its own count', int4['by its own count MB'], 140),
    most('int4, MB by which the process has grown', int4['memory MB'], 140),
    most('int8 opens, ms', int8['open ms'], 1000),
    ...[int8, reranked]
      .filter(({ engine }) => engine)
      .map(({ engine, 'recall@10': recall }) =>
        line(`1M × 256: ${engine}, recall@10`, recall, '≥ 0.99', recall >= 0.99),
      ),
    most('int8, one thread, p50 ms', int8['p50 ms'], 30),
    most('int8, one thread, CPU ms a query', int8['CPU ms'], 30),
    most('int8, two threads, p50 ms', of('sterna int8, 2 threads')['p50 ms'], 18),
    line('1M × 256: int8, all planes: share of the bandwidth of memory', share, 'stated', true),
  ];
}

function hundredThousandBars(set) {
  if (!set) return [];
  const plain = set.rows.find(({ engine }) => engine === 'plain loop');
  const good = set.rows.filter((row) => /^sterna/.test(row.engine) && row['recall@10'] >= 0.99);
  const races = good
    .filter(({ engine }) => !/threads/.test(engine))
    .map((row) => ({ row, ...speedUp(row, plain) }));
  races.sort((a, b) => b.ratio - a.ratio);
  const lines = races.slice(0, 3).flatMap(({ row, ratio: times }) => {
    const name = `100k × 256: ${row.engine} (recall ${row['recall@10'].toFixed(3)}), times a plain loop`;
    const byCpu = median(plain.searched.map((cpu, round) => cpu / row.searched[round]));
    return [line(name, times, '≥ 15', times >= 15), line(`${name}, by CPU`, byCpu, '≥ 15', byCpu >= 15)];
  });
  const graphs = set.rows.filter((row) => row.isApproximate && row['add s'] !== '');
  const [fastest] = graphs.sort((a, b) => a['ready s'] - b['ready s']);
  const ours = set.rows.find(({ engine }) => engine === 'sterna int8');
  if (!fastest || !ours) return lines;
  const builds = (what, times) =>
    lines.push(line(`100k × 256: int8 ${what}, times ${fastest.engine} builds`, times, '≥ 20', times >= 20));
  builds('added', fastest['ready s'] / ours['add s']);
  builds('ready to search', fastest['ready s'] / ours['ready s']);
  builds('added, by CPU', (1000 * fastest['ready, CPU s']) / ours.adding);
  return lines;
}

const line = (what, value, bar, isReached) => ({ what, value, bar, reached: isReached ? 'yes' : 'no' });

/** How many times faster a row's engine searches than another one, round by round. */
function speedUp(row, other) {
  const speeds = ({ times }) => times.map((round) => 1 / median(round));
  return ratio(row.engine, speeds(row), speeds(other));
}

const SPREAD_WORDS = 'Cosines of queries to their neighbours: 10th / 50th / 90th percentile.';

/** All of it, for people. */
export function page({ machine, date, sets, words }) {
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const head = [
    `${date.slice(0, 10)}: ${facts.join(', ')}.`,
    '`npm run bench:index`. Every engine has a process of its own; searches were done in turn, a part of the queries at a time.',
    '*add*: all rows are taken in; *ready*: and whatever is left to do ahead of the first search. *memory*: by how much the process has grown',
    'that opened the saved index (or built it, where it cannot be opened). Files were in the cache of the system when they were opened.',
    '*CPU* is what the processor worked for the process, all threads together: on a busy machine it says more than the time on the wall.',
    'Recall is against the plain loop in float32. Peers that are not in a table were too slow to build for its size, or were left out of that run: limits are in `bench/lib/peers/index.mjs`.',
    'hnswlib-wasm does not run in Node ("not compiled for this environment"); hnswlib-node, the same library natively, stands for it.',
    'EdgeVec ran by `l2`: its `cosine` and `dot` return the least similar vectors.',
    'Rankings by words are judged by the first 100 queries of a set.',
  ];
  const bars = barsOf(sets);
  const tables = [head.join('\n')];
  if (bars.length > 0) tables.push('## Bars', markdown(bars));
  for (const set of sets) tables.push(...ofSet(set));
  if (words?.length > 0) tables.push('## By words', markdown(words));
  if (sets.length > 0) {
    tables.push('## How the sets are spread', SPREAD_WORDS, markdown(sets.map(({ spread }) => spread)));
  }
  return `${tables.join('\n\n')}\n`;
}

function ofSet({ name, count, dimensions, load, bandwidth, rows }) {
  const [from, to] = load.map((value) => value.toFixed(1));
  const speeds = bandwidth.map((value) => (value / 1e9).toFixed(1));
  const plain = rows.find(({ engine }) => engine === 'plain loop');
  const shown = rows.map(({ times, searched: _, adding: __, isApproximate: ___, notes, ...row }) => ({
    ...row,
    'times plain loop':
      times.length > 0 && plain?.times.length > 0 ? speedUp({ times, ...row }, plain).ratio : '',
    notes,
  }));
  return [
    `## ${name} × ${dimensions}`,
    `Load of the machine ${from} before and ${to} after; a bare SIMD loop of one thread read ${speeds.join(' and ')} GB/s before and after. Vectors as float32: ${((count * dimensions * 4) / MB).toFixed(0)} MB.`,
    markdown(shown),
  ];
}
