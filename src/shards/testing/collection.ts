import type { ExchangeRow } from '../../exchange/exchange.ts';
import { randomVectors } from '../../index/testing/vectors.ts';
import { type BuildShardsOptions, buildShards, type ShardsReport } from '../build-shards.ts';

/** Header of the indexes of tests. */
export const HEADER = { space: 'nano@7c0f3a91d2e4b865/64', dimensions: 64, model: 'nano' };

/** Documents of three passages each, in clusters, the same ones for the same seed. */
export function passagesOf(count: number, seed = 1, dimensions = HEADER.dimensions): ExchangeRow[] {
  const vectors = randomVectors(count, dimensions, seed);
  return Array.from({ length: count }, (_, row) => {
    const document = Math.floor(row / 3);
    const passage = row % 3;
    return {
      id: `document ${document}`,
      passage,
      start: 100 * passage,
      end: 100 * (passage + 1),
      text: `Passage ${passage} of document ${document}: ${'ö𐍈 '.repeat(1 + (row % 7))}`,
      metadata: { title: `Document ${document}`, published: new Date(86_400_000 * document) },
      vector: vectors.subarray(row * dimensions, (row + 1) * dimensions),
    };
  });
}

/** The files of an index, and what the build said. */
export interface Published {
  readonly files: Map<string, Uint8Array>;
  readonly report: ShardsReport;
}

/** Builds into memory; files of a previous build stay, as they do on a host. */
export async function publish(
  rows: readonly ExchangeRow[],
  options: Omit<BuildShardsOptions, 'previous'> = {},
  previous?: ReadonlyMap<string, Uint8Array>,
): Promise<Published> {
  const files = new Map(previous);
  const report = await buildShards(
    rows,
    HEADER,
    { ...options, previous: previous && (async (name) => previous.get(name)) },
    (name, bytes) => {
      files.set(name, bytes);
    },
  );
  return { files, report };
}

/** The k nearest passages by a loop in float64, as `id passage` and cosine. */
export function naive(rows: readonly ExchangeRow[], query: Float32Array, k: number) {
  const length = Math.hypot(...query);
  const scored = rows.map(({ id, passage, vector }) => ({
    key: `${id} ${passage}`,
    score: vector!.reduce((sum, x, i) => sum + x * query[i], 0) / length,
  }));
  return scored.sort((a, b) => b.score - a.score || (a.key < b.key ? -1 : 1)).slice(0, k);
}
