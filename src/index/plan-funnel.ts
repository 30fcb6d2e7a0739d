import type { FunnelPart, FunnelPlan } from './funnel.ts';
import type { Scanner, ScanPart, ScanResult } from './scan/scanner.ts';
import { rowBytes } from './vectors/code-layout.ts';
import type { VectorColumn } from './vectors/vector-column.ts';

/** Rows below which all planes are scanned: that takes less than a millisecond. */
const SMALL = 20_000;
/** Queries that are tried. */
const QUERIES = 16;
/** Neighbours of each query that must be found again. */
const NEIGHBOURS = 10;
/** Share of all neighbours that must be found. */
const RECALL = 0.999;
/** Oversampling factors that are tried. */
const OVERSAMPLES = [2, 4, 8, 16, 32, 64];
/** What it costs to look at a row again, in bytes of codes that are scanned meanwhile. */
const RESCORE_BYTES = 24_576;

/**
 * Measures, on the index's own vectors, how few planes of the codes and how little oversampling find at least 99.9 % of the ten nearest
 * neighbours that the finest codes of all rows give, and takes the cheapest of such plans. Half of the queries are rows, and half are the
 * middles between two of them, which are farther from everything, as questions are from answers.
 *
 * The same rows give the same plan. It takes as long as some dozens of full scans.
 */
export function planFunnel(scanner: Scanner, parts: readonly FunnelPart[]): FunnelPlan {
  const filled = parts.filter(({ codes }) => codes.length > 0);
  const rows = filled.reduce((sum, { codes }) => sum + codes.length, 0);
  const planes = Math.max(1, ...filled.map(({ codes }) => codes.planes));
  const isOwnJudge = filled.every(({ codes, rerank }) => !rerank || rerank === codes);
  const whole = { planes, oversample: isOwnJudge ? 1 : OVERSAMPLES[OVERSAMPLES.length - 1] };
  if (isOwnJudge && (rows < SMALL || planes === 1)) return whole;
  if (rows <= NEIGHBOURS) return whole;
  const queries = sampleQueries(filled, rows);
  const truth = scanner.scanMany(partsOf(filled, finestOf), queries, { candidates: NEIGHBOURS + 1 });
  return cheapest(scanner, filled, rows, queries, truth, whole);
}

function cheapest(
  scanner: Scanner,
  parts: readonly FunnelPart[],
  rows: number,
  queries: readonly Float32Array[],
  truth: readonly ScanResult[],
  whole: FunnelPlan,
): FunnelPlan {
  const planeBytes = (rows * rowBytes(parts[0].codes.layout)) / parts[0].codes.planes;
  const scanned = partsOf(parts, ({ codes }) => codes);
  const most = NEIGHBOURS * OVERSAMPLES[OVERSAMPLES.length - 1];
  let best = whole;
  let least = whole.planes * planeBytes + (whole.oversample - 1) * NEIGHBOURS * RESCORE_BYTES;
  // Fewest planes first: once a scan of so many costs more than all of the best plan, none of the others can be cheaper.
  for (let planes = 1; planes <= whole.planes && planes * planeBytes < least; planes++) {
    if (planes === whole.planes && whole.oversample === 1) break;
    const found = scanner.scanMany(scanned, queries, { candidates: most, planes });
    const ranks = found.flatMap((result, i) => ranksOf(truth[i], result)).sort((a, b) => a - b);
    const needed = ranks[Math.ceil(RECALL * ranks.length) - 1] + 1;
    const oversample = OVERSAMPLES.find((factor) => factor * NEIGHBOURS >= needed);
    if (oversample === undefined) continue;
    const cost = planes * planeBytes + oversample * NEIGHBOURS * RESCORE_BYTES;
    if (cost >= least) continue;
    best = { planes, oversample };
    least = cost;
  }
  return best;
}

function finestOf({ codes, rerank }: FunnelPart): VectorColumn {
  return rerank ?? codes;
}

function partsOf(parts: readonly FunnelPart[], columnOf: (part: FunnelPart) => VectorColumn): ScanPart[] {
  return parts.map((part) => ({ column: columnOf(part), mask: part.mask }));
}

/** Places in a scan's result of the true neighbours; beyond all for those that it lacks. */
function ranksOf(truth: ScanResult, found: ScanResult): number[] {
  const places = new Map(Array.from(found.rows, (row, i) => [`${found.columns[i]} ${row}`, i]));
  return Array.from(truth.rows, (row, i) => places.get(`${truth.columns[i]} ${row}`) ?? found.rows.length);
}

/** Rows at even distances, and the middles of pairs of them. */
function sampleQueries(parts: readonly FunnelPart[], rows: number): Float32Array[] {
  const own = Array.from({ length: QUERIES }, (_, i) =>
    rowOf(parts, Math.floor(((i + 0.5) * rows) / QUERIES)),
  );
  return own.map((vector, i) => (i % 2 === 0 ? scaled(vector) : middle(vector, own[(i + 2) % QUERIES])));
}

function rowOf(parts: readonly FunnelPart[], row: number): Float32Array {
  let at = row;
  for (const part of parts) {
    const column = finestOf(part);
    if (at < column.length) return column.row(at);
    at -= column.length;
  }
  throw new RangeError(`There is no row ${row}.`);
}

function middle(a: Float32Array, b: Float32Array): Float32Array {
  return scaled(a.map((x, i) => x + b[i]));
}

function scaled(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return length > 0 ? vector.map((x) => x / length) : Float32Array.from(vector, () => Math.SQRT1_2);
}
