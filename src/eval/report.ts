import { COSINE_WEIGHT } from '../index/fuse.ts';
import type { EvalResult, SetResult } from './evaluate.ts';
import { type Metrics, mean } from './metrics.ts';

/** All that was measured, as it is written to JSON. */
export interface EvalReport {
  readonly model: string;
  /** Fingerprint of the model; absent where no leg needed it. */
  readonly revision?: string;
  /** Number type of the model's weights. */
  readonly precision?: string;
  /** Day, as 2026-01-31. */
  readonly date: string;
  readonly sets: readonly SetResult[];
  readonly averages: readonly Average[];
}

/** The means of some sets, each of which counts the same. */
export interface Average {
  /** Which sets. */
  readonly name: string;
  readonly sets: number;
  readonly results: readonly EvalResult[];
}

/**
 * Means over all sets and, where names end as `de-en` does, over those whose queries are in the documents' language and those whose are not.
 * A mean over one set is left out.
 */
export function averagesOf(sets: readonly SetResult[]): Average[] {
  const same = sets.filter(({ name }) => languagesOf(name)?.isSame === true);
  const across = sets.filter(({ name }) => languagesOf(name)?.isSame === false);
  const groups: [string, readonly SetResult[]][] = [['all sets', sets]];
  if (same.length < sets.length) groups.push(['sets in one language', same]);
  if (across.length < sets.length) groups.push(['sets across languages', across]);
  return groups
    .filter(([, { length }]) => length > 1)
    .map(([name, members]) => ({ name, sets: members.length, results: meanResults(members) }));
}

/** From a name such as `sets/de-en`. */
function languagesOf(name: string): { isSame: boolean } | undefined {
  const [, query, document] = /(?:^|\/)([a-z]{2,3})-([a-z]{2,3})$/.exec(name) ?? [];
  return query === undefined ? undefined : { isSame: query === document };
}

/** All sets were searched in the same ways, in the same order. */
function meanResults(sets: readonly SetResult[]): EvalResult[] {
  return sets[0].results.map(({ leg, dimensions, codes, metrics }, i) => ({
    leg,
    ...(dimensions === undefined ? {} : { dimensions, codes }),
    metrics: metrics.map(({ k }, at) => ({ k, ...mean(sets.map(({ results }) => results[i].metrics[at])) })),
  }));
}

const DEFINITIONS = `nDCG has linear gain and the discount log2(rank + 1), and its ideal is that of all judged documents; recall and MAP are divided by the number of all relevant documents. Of
documents with equal scores, the one with the greater id comes first. These are trec_eval's definitions. Means are over queries with a relevant document. Documents are title and
text with a space between them, one vector each. Codes are those of documents; queries keep float32. \`binary+int8\`: bits propose ten times as many documents, int8 decides. Hybrid: ${COSINE_WEIGHT} · cosine + BM25 · the share of the query that BM25 covers, over ten times as many documents of each leg.`;

/** The report as Markdown: averages first, then a table for each set. */
export function toMarkdown(report: EvalReport): string {
  const { model, revision, precision, date, averages, sets } = report;
  const of = revision === undefined ? '' : ` (revision ${revision}, ${precision})`;
  const parts = [`# Retrieval by ${model}${of}, ${date}`, DEFINITIONS];
  for (const { name, sets: count, results } of averages) {
    parts.push(`## Mean of ${count} ${name}`, grids(results), table(results));
  }
  for (const { name, queries, documents, missing, results } of sets) {
    const lacking = missing > 0 ? `, ${missing} relevant documents are not in the corpus` : '';
    parts.push(`## ${name}`, `${queries} queries, ${documents} documents${lacking}.`, table(results));
  }
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Codes × dimensions at the first cutoff, for each leg with vectors. */
function grids(results: readonly EvalResult[]): string {
  const withVectors = results.filter(({ dimensions }) => dimensions !== undefined);
  const lengths = [...new Set(withVectors.map(({ dimensions }) => dimensions))];
  const kinds = [...new Set(withVectors.map(({ leg, codes }) => `${leg}\t${codes}`))];
  if (kinds.length < 2 || lengths.length < 2) return '';
  const rows = kinds.map((kind) => {
    const cells = lengths.map((length) => {
      const result = withVectors.find(
        (one) => one.dimensions === length && `${one.leg}\t${one.codes}` === kind,
      );
      return figure(result?.metrics[0].ndcg);
    });
    return [...kind.split('\t'), ...cells];
  });
  return markdownTable([`nDCG@${withVectors[0].metrics[0].k}`, 'codes', ...lengths.map(String)], rows);
}

const COLUMNS: readonly (readonly [keyof Metrics, string])[] = [
  ['ndcg', 'nDCG'],
  ['recall', 'Recall'],
  ['mrr', 'MRR'],
  ['map', 'MAP'],
];

function table(results: readonly EvalResult[]): string {
  const cutoffs = results[0]?.metrics.map(({ k }) => k) ?? [];
  const head = cutoffs.flatMap((k) => COLUMNS.map(([, name]) => `${name}@${k}`));
  const rows = results.map(({ leg, dimensions, codes, metrics }) => [
    leg,
    String(dimensions ?? ''),
    codes ?? '',
    ...metrics.flatMap((of) => COLUMNS.map(([measure]) => figure(of[measure]))),
  ]);
  return markdownTable(['leg', 'dimensions', 'codes', ...head], rows);
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function figure(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(4);
}
