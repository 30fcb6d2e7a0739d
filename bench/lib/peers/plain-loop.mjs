/** What everyone writes first: a loop over a Float32Array that keeps the best. It is also the judge of all others. */
import { readFileSync, writeFileSync } from 'node:fs';

export default () => ({
  create: (count, dimensions) => ({ vectors: new Float32Array(count * dimensions), dimensions }),
  add({ vectors, dimensions }, rows, first) {
    vectors.set(rows, first * dimensions);
  },
  save: ({ vectors }, path) => writeFileSync(path, new Uint8Array(vectors.buffer)),
  open: (path, _count, dimensions) => ({ vectors: new Float32Array(readFileSync(path).buffer), dimensions }),
  search: ({ vectors, dimensions }, query, k) => nearest(vectors, dimensions, query, k),
});

function nearest(vectors, dimensions, query, k) {
  const rows = [];
  const scores = [];
  for (let row = 0, at = 0; at < vectors.length; row++) {
    let score = 0;
    for (let i = 0; i < dimensions; i++) score += vectors[at++] * query[i];
    if (rows.length === k && score <= scores[k - 1]) continue;
    let place = Math.min(rows.length, k - 1);
    for (; place > 0 && scores[place - 1] < score; place--) {
      scores[place] = scores[place - 1];
      rows[place] = rows[place - 1];
    }
    scores[place] = score;
    rows[place] = row;
  }
  return rows;
}
