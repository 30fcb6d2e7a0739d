/** Rankings by words: ours against MiniSearch on the texts of an evaluation set, with its own judgements. */
import { K } from './peers/race.mjs';
import { median } from './report.mjs';

const ENGINES = { 'sterna bm25': 'sterna-words', minisearch: 'minisearch' };

/**
 * @param texts - of `readEval`.
 * @returns a row of the table for each engine. Queries are done in turn.
 */
export async function raceByWords(name, { corpus, queries, relevant }, asked) {
  const texts = corpus.map(({ text }) => text);
  const questions = queries.slice(0, asked);
  const lanes = [];
  for (const [engine, module] of Object.entries(ENGINES)) {
    const { default: make } = await import(new URL(`peers/${module}.mjs`, import.meta.url));
    lanes.push({ engine, ...prepare(make(), texts) });
  }
  for (const lane of lanes) lane.search(lane.index, questions[0].text, K);
  for (const { id, text } of questions) {
    for (const lane of lanes) {
      const start = performance.now();
      const rows = lane.search(lane.index, text, K);
      lane.times.push(performance.now() - start);
      lane.gains.push(
        gain(
          rows.map((row) => corpus[row].id),
          relevant.get(id) ?? new Map(),
        ),
      );
    }
  }
  return lanes.map(({ engine, measured, times, gains }) => ({
    name,
    engine,
    texts: texts.length,
    ...measured,
    'p50 ms': median(times),
    'p95 ms': [...times].sort((a, b) => a - b)[Math.floor(0.95 * times.length)],
    'nDCG@10': gains.reduce((sum, value) => sum + value, 0) / gains.length,
  }));
}

function prepare(engine, texts) {
  let bytes;
  let index;
  const built = milliseconds(() => {
    bytes = engine.toBytes(engine.build(texts));
  });
  const opened = milliseconds(() => {
    index = engine.open(bytes);
  });
  const measured = { 'build s': built / 1000, 'disk MB': bytes.length / 1e6, 'open ms': opened };
  return { index, search: engine.search, measured, times: [], gains: [] };
}

/** nDCG@10: gains by the grades of judgements, discounted by the logarithm of the rank. */
function gain(ids, grades) {
  const sum = (values) => values.reduce((all, value, rank) => all + value / Math.log2(rank + 2), 0);
  const best = [...grades.values()].sort((a, b) => b - a).slice(0, K);
  return best.length > 0 ? sum(ids.map((id) => grades.get(id) ?? 0)) / sum(best) : 0;
}

function milliseconds(run) {
  const start = performance.now();
  run();
  return performance.now() - start;
}
