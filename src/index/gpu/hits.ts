import { mergeScans, type ScanResult } from '../scan/scanner.ts';
import type { QueryCodes } from './query-codes.ts';
import type { ScanGroup } from './scan-group.ts';
import type { Found } from './selection.ts';

/** Rows of one group or of several. */
export interface Hits {
  readonly columns: Uint32Array;
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
}

/** Says in which columns positions lie, and what keys are worth. */
export function toHits({ firsts, places }: ScanGroup, query: QueryCodes, { positions, keys }: Found): Hits {
  const columns = new Uint32Array(keys.length);
  const rows = new Uint32Array(keys.length);
  const scores = new Float32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const at = lastUpTo(firsts, positions[i]);
    columns[i] = places[at];
    rows[i] = positions[i] - firsts[at];
    scores[i] = query.score(keys[i]);
  }
  return { columns, rows, scores };
}

/** The last of ascending numbers that is not above a value: of empty columns, the one behind them. */
function lastUpTo(firsts: readonly number[], value: number): number {
  let low = 0;
  let high = firsts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (firsts[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * The best rows of all groups.
 *
 * @param count - rows that took part.
 */
export function mergeHits(groups: readonly Hits[], candidates: number, count: number): ScanResult {
  const isCut = false;
  const all =
    groups.length === 1
      ? groups[0]
      : mergeScans(
          groups.map((hits) => ({ ...hits, isCut })),
          candidates,
        );
  const most = Math.min(candidates, all.rows.length);
  return {
    columns: all.columns.slice(0, most),
    rows: all.rows.slice(0, most),
    scores: all.scores.slice(0, most),
    isCut: count > most,
  };
}
