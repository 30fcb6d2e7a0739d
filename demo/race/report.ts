import type { Machine } from './machine.ts';
import type { Heat } from './race.ts';
import { ratiosOf, rowsOf } from './results.ts';

/** What a report says of the circumstances. */
export interface Circumstances extends Machine {
  readonly threads: number;
  readonly rounds: number;
  readonly onnxruntime: string;
}

/** Results to be pasted somewhere: tables for people, and JSON. */
export function report(circumstances: Circumstances, heats: readonly Heat[]): string {
  const { userAgent, processors, isolated, adapter, threads, rounds, onnxruntime } = circumstances;
  const machine = {
    userAgent,
    processors,
    threads,
    isolated,
    adapter: adapter ? `${adapter.name}${adapter.software ? ' (software)' : ''}` : 'none',
    onnxruntime,
    date: new Date().toISOString(),
  };
  const rows = heats.flatMap(rowsOf);
  const ratios = heats.flatMap(ratiosOf);
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const races = ratios.map(({ name, ratio, low, high }) => ({
    race: name,
    ratio: `${ratio.toFixed(2)}×`,
    quartiles: `${low.toFixed(2)}× – ${high.toFixed(2)}×`,
  }));
  const failures = heats.flatMap(({ shape, entrants }) =>
    entrants.flatMap(({ lane, failure }) =>
      failure === undefined ? [] : [`- ${shape.name}: ${lane.name} (${lane.threads}) is out. ${failure}`],
    ),
  );
  const parts = [
    `${facts.join(', ')}. Medians of ${rounds} rounds; ratios of speeds, round by round.`,
    ...[races, rows].filter(({ length }) => length > 0).map(markdown),
    failures.join('\n'),
    `\`\`\`json\n${JSON.stringify({ machine, rows, ratios }, null, 2)}\n\`\`\``,
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function markdown(rows: readonly object[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const columns = Object.keys(rows[0]);
  const cells = rows.map((row) => line(Object.values(row).map(show)));
  return [line(columns), line(columns.map(() => '---')), ...cells].join('\n');
}

function show(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) || value >= 1000
    ? Math.round(value).toLocaleString('en')
    : value.toPrecision(3);
}
