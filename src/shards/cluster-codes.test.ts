import { describe, expect, test } from 'vitest';
import { randomVectors } from '../index/testing/vectors.ts';
import { makeCentroidTable, readCentroids, writeCentroids } from './centroid-file.ts';
import {
  clusterBytes,
  encodeRow,
  makeClusterCodes,
  prepareQuery,
  scoreCentroids,
  scoreRows,
  viewCluster,
} from './cluster-codes.ts';

const ROWS = 20;

/** A cluster around the first of some vectors, with uneven spreads. */
function clusterOf(dimensions: number) {
  const vectors = randomVectors(ROWS + 2, dimensions, 5);
  const at = (row: number) => vectors.subarray(row * dimensions, (row + 1) * dimensions);
  const spread = Float32Array.from({ length: dimensions }, (_, i) => 0.02 + 0.01 * (i % 5));
  const table = makeCentroidTable(vectors.slice(0, 2 * dimensions), dimensions, 0.9, spread);
  const codes = makeClusterCodes(dimensions, ROWS);
  for (let row = 0; row < ROWS; row++) encodeRow(table, 1, at(row + 2), codes, row);
  return { table, codes, at: (row: number) => at(row + 2), query: at(0) };
}

describe.each([1, 7, 64, 257])('codes of a cluster of %i dimensions', (dimensions) => {
  const { table, codes, query, at } = clusterOf(dimensions);
  const scores = new Float64Array(ROWS);
  scoreRows(prepareQuery(table, query), scoreCentroids(table, query)[1], codes, scores, 0);

  test('score as the numbers do that they stand for', () => {
    const stride = 4 * Math.ceil(dimensions / 8);
    const view = new DataView(codes.bytes.buffer);
    for (let row = 0; row < ROWS; row++) {
      const scale = view.getFloat32(ROWS * stride + 4 * row, true);
      let score = 0;
      for (let i = 0; i < dimensions; i++) {
        const byte = view.getUint8(row * stride + (i >> 1));
        const code = i % 2 === 0 ? byte % 16 : Math.floor(byte / 16);
        score += query[i] * (table.values[dimensions + i] + scale * table.spread[i] * (code - 7.5));
      }
      expect(scores[row]).toBeCloseTo(score, 5);
    }
  });

  test('are near the vectors', () => {
    for (let row = 0; row < ROWS; row++) {
      const exact = query.reduce((sum, x, i) => sum + x * at(row)[i], 0);
      expect(Math.abs(scores[row] - exact)).toBeLessThan(0.1);
    }
  });

  test('are the same when they are read again', () => {
    expect(codes.bytes.length).toBe(clusterBytes(dimensions, ROWS));
    const again = viewCluster(codes.bytes.slice(), dimensions, ROWS);
    expect(again.codes).toEqual(codes.codes);
    expect(again.scales).toEqual(codes.scales);
    const table2 = readCentroids('it', writeCentroids(table), dimensions);
    expect(table2).toEqual(table);
  });
});
