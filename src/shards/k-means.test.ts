import { expect, test } from 'vitest';
import { Scanner } from '../index/scan/scanner.ts';
import { randomVectors } from '../index/testing/vectors.ts';
import { kMeans } from './k-means.ts';
import { orderClusters } from './order-clusters.ts';
import { randomNumbers, randomRows } from './random.ts';
import { VectorList } from './vector-list.ts';

const DIMENSIONS = 32;
const scanner = Scanner.alone();

/** 20 clusters of 20 with little spread. */
function listOf(): VectorList {
  const list = new VectorList(DIMENSIONS);
  const vectors = randomVectors(400, DIMENSIONS, 3, 0.1);
  for (let row = 0; row < 400; row++) list.push(vectors.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS));
  return list;
}

function best(middles: Float32Array, vector: Float32Array): number {
  let most = -1;
  for (let at = 0; at < middles.length; at += DIMENSIONS)
    most = Math.max(
      most,
      vector.reduce((sum, x, i) => sum + x * middles[at + i], 0),
    );
  return most;
}

test('middles have length 1, and nearly all rows are near one', () => {
  const list = listOf();
  const middles = kMeans(scanner, list, 40, randomNumbers(1));
  for (let at = 0; at < middles.length; at += DIMENSIONS)
    expect(Math.hypot(...middles.subarray(at, at + DIMENSIONS))).toBeCloseTo(1, 5);
  const near = Array.from({ length: 400 }, (_, row) => best(middles, list.at(row)));
  expect(near.filter((score) => score > 0.9).length).toBeGreaterThan(360);
});

test('the same seed gives the same middles, and another seed others', () => {
  const [a, b, c] = [1, 1, 2].map((seed) => kMeans(scanner, listOf(), 10, randomNumbers(seed)));
  expect(a).toEqual(b);
  expect(a).not.toEqual(c);
});

test('there are as many middles as were asked for, even of rows that are all alike', () => {
  const list = new VectorList(DIMENSIONS);
  for (let row = 0; row < 30; row++) list.push(listOf().at(0));
  expect(kMeans(scanner, list, 8, randomNumbers(1)).every(Number.isFinite)).toBe(true);
});

test('an order has every middle once, and puts near ones together', () => {
  const middles = randomVectors(64, DIMENSIONS, 8, 0.1);
  const order = orderClusters(middles, DIMENSIONS);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i));
  const dot = (a: number, b: number) =>
    middles
      .subarray(a * DIMENSIONS, (a + 1) * DIMENSIONS)
      .reduce((sum, x, i) => sum + x * middles[b * DIMENSIONS + i], 0);
  const mean = (pairs: [number, number][]) =>
    pairs.reduce((sum, [a, b]) => sum + dot(a, b), 0) / pairs.length;
  const neighbours = [...order].slice(1).map((at, i): [number, number] => [order[i], at]);
  const any = neighbours.map(([a], i): [number, number] => [a, order[(i + 32) % 64]]);
  expect(mean(neighbours)).toBeGreaterThan(mean(any) + 0.3);
});

test('random rows are different ones, ascending', () => {
  const rows = randomRows(1000, 100, randomNumbers(4));
  expect(rows.length).toBe(100);
  expect(rows.every((row, i) => row < 1000 && (i === 0 || row > rows[i - 1]))).toBe(true);
  expect([...randomRows(3, 9, randomNumbers(4))]).toEqual([0, 1, 2]);
});
