import type { Scanner } from '../index/scan/scanner.ts';
import { meanOf } from '../index/vectors/mean.ts';
import { VectorColumn } from '../index/vectors/vector-column.ts';
import type { CentroidTable } from './centroid-file.ts';
import { type ClusterCodes, prepareQuery, scoreCentroids, scoreRows } from './cluster-codes.ts';
import { normalise } from './k-means.ts';
import { candidatesFor, clustersToRead } from './probe.ts';
import { randomRows } from './random.ts';
import type { VectorList } from './vector-list.ts';

/** Queries of each kind. */
const QUERIES = 100;
/** Neighbours that are to be found. */
const NEAREST = 10;
/** Most clusters that are tried. */
const MOST_PROBES = 1024;
/** Share of another row in a query that is not like any row. */
const SHARE_OF_OTHER = 0.4;
/** Candidates of the exact search: 8 bits put rows in order so well that the nearest ten are among them. */
const EXACT_CANDIDATES = 64;

/** Rows in clusters, with their codes. */
export interface CodedClusters {
  readonly table: CentroidTable;
  /** Rows of each cluster, in the order of their codes. */
  readonly members: readonly Uint32Array[];
  readonly codes: readonly ClusterCodes[];
}

/** A query, and the rows that it is made of, which it must not find. */
interface Question {
  readonly vector: Float32Array;
  readonly without: readonly number[];
}

/**
 * How many clusters must be read: asks for the ten nearest of rows that are left out, and of mixtures of two rows.
 *
 * @param bytes - most bytes of codes that a query reads.
 * @param wanted - share of the nearest ten that is to be found.
 * @returns the least number of clusters with which it is, or the best there is, and the share.
 */
export function measureRecall(
  scanner: Scanner,
  vectors: VectorList,
  clusters: CodedClusters,
  bytes: number,
  wanted: number,
  random: () => number,
): { probes: number; recall: number } {
  const questions = questionsOf(vectors, random);
  const found = new Float64Array(MOST_PROBES + 1);
  let needed = 0;
  const exact = new ExactSearch(scanner, vectors);
  for (const question of questions) {
    const truth = exact.nearest(question);
    needed += truth.size;
    addFound(found, clusters, question, truth, bytes);
  }
  exact.dispose();
  const shares = found.map((count) => (needed > 0 ? count / needed : 1));
  const best = shares.reduce((most, share) => Math.max(most, share), 0);
  // What is missed for want of bytes, no number of clusters finds.
  const goal = Math.min(wanted, best - 1e-9);
  const probes = Math.max(
    1,
    shares.findIndex((share, i) => i > 0 && share >= goal),
  );
  return { probes, recall: shares[probes] };
}

function questionsOf(vectors: VectorList, random: () => number): Question[] {
  const rows = randomRows(vectors.length, 2 * QUERIES, random);
  return Array.from(rows, (row, i) => {
    if (i % 2 === 0) return { vector: vectors.at(row), without: [row] };
    const other = Math.floor(random() * vectors.length);
    const vector = vectors
      .at(row)
      .map((x, d) => (1 - SHARE_OF_OTHER) * x + SHARE_OF_OTHER * vectors.at(other)[d]);
    return normalise(vector)
      ? { vector, without: [row, other] }
      : { vector: vectors.at(row), without: [row] };
  });
}

class ExactSearch {
  private readonly column: VectorColumn;

  constructor(
    private readonly scanner: Scanner,
    private readonly vectors: VectorList,
  ) {
    const { dimensions } = vectors;
    const pieces = [...vectors.pieces()];
    const mean = meanOf(pieces[0] ?? new Float32Array(0), dimensions);
    this.column = new VectorColumn(scanner.heap, { kind: 'int8', dimensions, mean });
    for (const piece of pieces) this.column.append(piece);
  }

  nearest({ vector, without }: Question): Set<number> {
    const { rows } = this.scanner.scan([{ column: this.column }], { vector, candidates: EXACT_CANDIDATES });
    const scored = Array.from(rows, (row) => ({ row, score: dot(vector, this.vectors.at(row)) }));
    const others = scored.filter(({ row }) => !without.includes(row));
    others.sort((a, b) => b.score - a.score || a.row - b.row);
    return new Set(others.slice(0, NEAREST).map(({ row }) => row));
  }

  dispose(): void {
    this.column.dispose();
  }
}

/** Adds to `found[p]` how many of the nearest are among the candidates of the first p clusters. */
function addFound(
  found: Float64Array,
  { table, members, codes }: CodedClusters,
  { vector, without }: Question,
  truth: Set<number>,
  bytes: number,
): void {
  const query = prepareQuery(table, vector);
  const middles = scoreCentroids(table, vector);
  const rowsOf = (cluster: number) => members[cluster].length;
  const read = clustersToRead(middles, rowsOf, table.dimensions, MOST_PROBES, bytes);
  let kept: { row: number; score: number }[] = [];
  let count = 0;
  for (let probe = 1; probe <= MOST_PROBES; probe++) {
    if (probe <= read.length) {
      const cluster = read[probe - 1];
      const scores = new Float64Array(members[cluster].length);
      scoreRows(query, middles[cluster], codes[cluster], scores, 0);
      for (const [i, row] of members[cluster].entries())
        if (!without.includes(row)) kept.push({ row, score: scores[i] });
      kept.sort((a, b) => b.score - a.score);
      kept = kept.slice(0, candidatesFor(NEAREST));
      count = kept.filter(({ row }) => truth.has(row)).length;
    }
    found[probe] += count;
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
