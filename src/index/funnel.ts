import type { Scanner, ScanOptions, ScanPart, ScanResult } from './scan/scanner.ts';
import { type Scored, TopK } from './top-k.ts';
import type { VectorColumn } from './vectors/vector-column.ts';

/** Rows that are searched. */
export interface FunnelPart {
  /** What is scanned. */
  readonly codes: VectorColumn;
  /** Finer codes of the same rows, by which the best of a scan are put in order. Default: `codes`. */
  readonly rerank?: VectorColumn;
  /** A bit for each row that takes part. Default: all. */
  readonly mask?: Uint32Array;
}

/** How to search without looking at all codes of all rows. */
export interface FunnelPlan {
  /** Planes of `codes` that are scanned, from the first. */
  readonly planes: number;
  /** How many times `k` rows of that scan are looked at again by all their codes. */
  readonly oversample: number;
}

/** How to search. */
export interface FunnelOptions {
  /** Most hits. */
  readonly k: number;
  /** Whether the finest codes of all rows are compared. Default: false. */
  readonly exact?: boolean;
  /** Default: all planes. */
  readonly plan?: FunnelPlan;
  /** Lowest score of a hit. Default: none. */
  readonly minScore?: number;
  /** Rows that are looked at again, at least. Default: what the plan asks for. */
  readonly lookedAt?: number;
  /** The id of a row, which decides between equal scores. */
  readonly idOf: (part: number, row: number) => string;
  /** Whether a row may be a hit. Default: all that the masks let through. */
  readonly accept?: (part: number, row: number, id: string) => boolean;
}

/** A row that was found. */
export interface FunnelHit {
  readonly part: number;
  readonly row: number;
  readonly id: string;
  /** Cosine by the finest codes. */
  readonly score: number;
}

/** What was found. */
export interface FunnelHits {
  /** Best first; of equal scores the smaller id. */
  readonly hits: FunnelHit[];
  /** Whether there may be more that are accepted: fewer than `k` were found, and not all rows were looked at. */
  readonly isShort: boolean;
}

/**
 * Rows of a scan that are looked at beyond those that the plan asks for: scans round queries and do not divide by the lengths of what codes
 * mean, and one row more shows whether the last hit has equals.
 */
const MARGIN = { float32: 6, int8: 32, int4: 64, binary: 64 };
/** How many times `k` rows are looked at again where all planes are scanned. */
const OVERSAMPLE = { float32: 1, int8: 2, int4: 8, binary: 16 };
/** Where equals may lie beyond the cut, so many times as many rows are asked for. */
const WIDER = 4;

/**
 * Finds the rows nearest to a vector: a scan of the first planes proposes some times `k` rows, and their finest codes decide. Where the last
 * hit might have equals that the scan has cut off, it is asked for more, so that ids decide between all of them.
 *
 * @param vector - `[dimensions]` of unit length.
 */
export function searchFunnel(
  scanner: Scanner,
  parts: readonly FunnelPart[],
  vector: Float32Array,
  options: FunnelOptions,
): FunnelHits {
  return searchFunnelMany(scanner, parts, [vector], options)[0];
}

/** What scans: a scanner, or a GPU. */
export type Propose = (
  parts: readonly ScanPart[],
  query: ScanOptions & { readonly vector: Float32Array },
) => Promise<ScanResult>;

/** {@link searchFunnel} with rows that somebody else proposes. */
export async function searchFunnelBy(
  propose: Propose,
  scanner: Scanner,
  parts: readonly FunnelPart[],
  vector: Float32Array,
  options: FunnelOptions,
): Promise<FunnelHits> {
  const { columns, scanned, planes, rows, wanted } = prepare(parts, options);
  for (let candidates = wanted; ; candidates = Math.min(rows, WIDER * candidates)) {
    const found = await propose(scanned, { vector, candidates, planes });
    const best = select(found, finestScores(scanner, parts, columns, found, vector), options);
    if (candidates >= rows || !mayGoOn(found, best, options)) return hitsOf(found, best, options);
  }
}

/** {@link searchFunnel} for several vectors, for which memory is read once. */
export function searchFunnelMany(
  scanner: Scanner,
  parts: readonly FunnelPart[],
  vectors: readonly Float32Array[],
  options: FunnelOptions,
): FunnelHits[] {
  const { columns, scanned, planes, rows, wanted } = prepare(parts, options);
  const first = scanner.scanMany(scanned, vectors, { candidates: wanted, planes });
  return vectors.map((vector, i) => {
    let candidates = wanted;
    for (let found = first[i]; ; ) {
      const scores = finestScores(scanner, parts, columns, found, vector);
      const best = select(found, scores, options);
      if (candidates >= rows || !mayGoOn(found, best, options)) return hitsOf(found, best, options);
      candidates = Math.min(rows, WIDER * candidates);
      found = scanner.scan(scanned, { vector, candidates, planes });
    }
  });
}

function prepare(parts: readonly FunnelPart[], options: FunnelOptions) {
  const { exact = false, plan } = options;
  const columns = parts.map((part) => (exact ? finest(part) : part.codes));
  const scanned = columns.map((column, i): ScanPart => ({ column, mask: parts[i].mask }));
  const rows = columns.reduce((sum, { length }) => sum + length, 0);
  const wanted = Math.min(rows, candidatesFor(columns, options));
  return { columns, scanned, planes: exact ? undefined : plan?.planes, rows, wanted };
}

function hitsOf(found: ScanResult, best: readonly Scored[], { k }: FunnelOptions): FunnelHits {
  const hits = best.map(({ id, score, at }) => ({
    part: found.columns[at],
    row: found.rows[at],
    id,
    score,
  }));
  return { hits, isShort: found.isCut && hits.length < k };
}

function finest({ codes, rerank }: FunnelPart): VectorColumn {
  return rerank ?? codes;
}

function candidatesFor(
  columns: readonly VectorColumn[],
  { k, exact, plan, lookedAt = 0 }: FunnelOptions,
): number {
  let most = Math.max(k, lookedAt);
  for (const { kind, planes } of columns) {
    const isWhole = exact || !plan || (plan.planes >= planes && plan.oversample <= 1);
    const oversample = isWhole ? OVERSAMPLE[kind] : plan.oversample;
    most = Math.max(most, oversample * k + MARGIN[kind]);
  }
  return most;
}

/** Scores by the finest codes; those of the scan where it has looked at nothing else. */
function finestScores(
  scanner: Scanner,
  parts: readonly FunnelPart[],
  scanned: readonly VectorColumn[],
  found: ScanResult,
  vector: Float32Array,
): Float32Array {
  const scores = found.scores.slice();
  for (const [number, part] of parts.entries()) {
    const column = finest(part);
    if (column === scanned[number] && column.kind === 'float32') continue;
    const places = found.columns.reduce<number[]>((all, at, i) => {
      if (at === number) all.push(i);
      return all;
    }, []);
    const rows = places.map((i) => found.rows[i]);
    for (const [i, score] of scanner.rescore(column, rows, vector).entries()) scores[places[i]] = score;
  }
  return scores;
}

function select(found: ScanResult, scores: Float32Array, options: FunnelOptions): Scored[] {
  const { k, minScore = Number.NEGATIVE_INFINITY, idOf, accept } = options;
  const best = new TopK(Math.min(k, scores.length));
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] < minScore || scores[i] < best.threshold) continue;
    const id = idOf(found.columns[i], found.rows[i]);
    if (!accept || accept(found.columns[i], found.rows[i], id)) best.add(id, scores[i], i);
  }
  return best.sorted();
}

/** Whether rows beyond the cut may be as near as the last hit: they are when it is as near as the last one ahead of the cut. */
function mayGoOn(found: ScanResult, best: readonly Scored[], { k }: FunnelOptions): boolean {
  if (!found.isCut || best.length < k) return false;
  const last = best[best.length - 1];
  return found.scores[last.at] === found.scores[found.scores.length - 1];
}
