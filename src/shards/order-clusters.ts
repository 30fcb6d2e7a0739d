/**
 * An order of middles in which near ones are near each other: so what a query reads lies together. They are cut into halves, again and again, along
 * the line between two that are far from each other.
 *
 * @param middles - `[count, dimensions]`.
 * @returns the numbers of the middles.
 */
export function orderClusters(middles: Float32Array, dimensions: number): Uint32Array {
  const order = new Uint32Array(middles.length / dimensions).map((_, i) => i);
  const places = new Float64Array(order.length);
  const halve = (start: number, end: number): void => {
    if (end - start < 3) return;
    const part = order.subarray(start, end);
    const first = farthest(middles, dimensions, part, part[0]);
    const second = farthest(middles, dimensions, part, first);
    for (const at of part)
      places[at] = dot(middles, dimensions, first, at) - dot(middles, dimensions, second, at);
    part.sort((a, b) => places[a] - places[b] || a - b);
    const middle = (start + end) >> 1;
    halve(start, middle);
    halve(middle, end);
  };
  halve(0, order.length);
  return order;
}

function farthest(middles: Float32Array, dimensions: number, among: Uint32Array, from: number): number {
  let found = from;
  let least = Number.POSITIVE_INFINITY;
  for (const at of among) {
    const score = dot(middles, dimensions, from, at);
    if (score >= least) continue;
    least = score;
    found = at;
  }
  return found;
}

function dot(middles: Float32Array, dimensions: number, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += middles[a * dimensions + i] * middles[b * dimensions + i];
  return sum;
}
