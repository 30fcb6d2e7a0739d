import type { Entrant, Heat } from './race.ts';
import { median } from './timing.ts';

/** A row of the benches' results. */
export interface Row {
  readonly model: string;
  readonly shape: string;
  readonly engine: string;
  readonly threads: number;
  readonly ms: number;
  readonly 'tokens/s': number;
}

/** How many times as fast one of our lanes is; each round gives a ratio, and `low` and `high` are the quartiles of these. */
export interface Ratio {
  readonly name: string;
  /** Tokens a second. */
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

const MODEL = 'nano';

export function rowsOf({ shape, entrants }: Heat): Row[] {
  return entrants.filter(hasRun).map(({ lane, times }) => ({
    model: MODEL,
    shape: shape.name,
    engine: lane.name,
    threads: lane.threads,
    ms: median(times),
    'tokens/s': (1000 * shape.tokens) / median(times),
  }));
}

/** Our lanes against the fastest of theirs. */
export function ratiosOf(heat: Heat): Ratio[] {
  return heat.entrants.flatMap((entrant) => ratioOf(heat, entrant) ?? []);
}

/** @returns nothing for lanes that are not ours, or where there is nothing to compare. */
export function ratioOf(heat: Heat, ours: Entrant): Ratio | undefined {
  const theirs = bestOf(heat.entrants.filter(({ lane }) => lane.engine === 'onnxruntime'));
  if (!theirs || ours.lane.engine !== 'sterna' || !hasRun(ours)) return undefined;
  const { shape } = heat;
  // The last round may not have come to all of them.
  const rounds = theirs.times
    .slice(0, ours.times.length)
    .map((time, i) => time / ours.times[i])
    .sort((a, b) => a - b);
  const at = (share: number) => rounds[Math.round(share * (rounds.length - 1))];
  const of = ({ lane }: Entrant) => `${lane.name} (${lane.threads})`;
  return {
    name: `${MODEL} ${shape.name}: ${of(ours)} / their best, ${of(theirs)}`,
    ours: (1000 * shape.tokens) / median(ours.times),
    theirs: (1000 * shape.tokens) / median(theirs.times),
    ratio: median(rounds),
    low: at(0.25),
    high: at(0.75),
  };
}

export function bestOf(entrants: readonly Entrant[]): Entrant | undefined {
  return entrants.filter(hasRun).sort((a, b) => median(a.times) - median(b.times))[0];
}

export function hasRun({ times, failure }: Entrant): boolean {
  return failure === undefined && times.length > 0;
}
