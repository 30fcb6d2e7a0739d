/** Sets of vectors for races of indexes: seeded ones with the spread of embeddings, of any size, and files of them. */
import { closeSync, openSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const DIMENSIONS = 256;
/** Rows that are made and read together. */
const PIECE = 8192;

/**
 * How seeded vectors are spread. A row is the sum of five Gaussians: what all rows have in common, its field, its topic in that
 * field, its subject in that topic, and what is its own; their shares of the squared length are below, and the scale of its own part
 * varies from row to row. Fields, topics and subjects have sizes of a long tail. Later dimensions have less variance than first ones, as
 * in vectors that were trained to be cut.
 *
 * All of it was chosen by nano's vectors of an evaluation set of 1,180 passages, and not by what any index makes of them: the cosines to
 * neighbours by rank, as `spread` gives them, the length of the mean (0.74) and the deviations in each range of dimensions.
 */
const SPREAD = {
  shares: { common: 0.53, field: 0.035, topic: 0.055, subject: 0.07, own: 0.31 },
  fields: 40,
  rowsPerTopic: 400,
  rowsPerSubject: 12,
  /** Standard deviation of the logarithm of a row's own scale. */
  unevenness: 0.2,
  /** Standard deviations of dimensions up to each length that the vectors can be cut to. */
  steps: [
    { until: 64, deviation: 1 },
    { until: 128, deviation: 0.43 },
    { until: 256, deviation: 0.29 },
  ],
};

/** Seeded numbers of a normal distribution, from a table: 256 million of them are needed. */
class Normals {
  static #table;
  #state;

  constructor(seed) {
    this.#state = Math.imul(seed, 2654435761) >>> 0 || 1;
    Normals.#table ??= Normals.#fill();
  }

  /** A whole number below 2^32. */
  bits() {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.imul(x, 0x9e3779b1) >>> 0;
  }

  /** A number in 0 … 1. */
  uniform() {
    return this.bits() / 2 ** 32;
  }

  normal() {
    return Normals.#table[this.bits() >>> 16];
  }

  static #fill() {
    const table = new Float32Array(65536);
    let state = 1;
    const uniform = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    for (let i = 0; i < table.length; i++)
      table[i] = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    return table;
  }
}

/** Makes rows of {@link SPREAD}. */
class Rows {
  constructor(count, seed) {
    const { fields, rowsPerTopic, rowsPerSubject } = SPREAD;
    this.topics = Math.max(fields, Math.round(count / rowsPerTopic));
    this.subjects = Math.max(this.topics, Math.round(count / rowsPerSubject));
    this.random = new Normals(seed);
    this.scales = Float32Array.from(
      { length: DIMENSIONS },
      (_, i) => SPREAD.steps.find(({ until }) => i < until).deviation,
    );
    const length = Math.sqrt(this.scales.reduce((sum, scale) => sum + scale * scale, 0));
    for (let i = 0; i < DIMENSIONS; i++) this.scales[i] /= length;
    this.common = this.centres(1);
    this.ofField = this.centres(fields);
    this.ofTopic = this.centres(this.topics);
    this.ofSubject = this.centres(this.subjects);
    this.fieldOf = Uint32Array.from({ length: this.topics }, () => this.zipf(fields));
    this.topicOf = Uint32Array.from({ length: this.subjects }, () => this.zipf(this.topics));
  }

  /** The next row. */
  write(row) {
    const { random, scales, common, ofField, ofTopic, ofSubject } = this;
    const { shares, unevenness } = SPREAD;
    const subject = this.zipf(this.subjects);
    const topic = this.topicOf[subject];
    const [a, b, c, d, e] = [
      Math.sqrt(shares.common),
      Math.sqrt(shares.field),
      Math.sqrt(shares.topic),
      Math.sqrt(shares.subject),
      Math.sqrt(shares.own) * Math.exp(unevenness * random.normal()),
    ];
    const [atField, atTopic, atSubject] = [this.fieldOf[topic], topic, subject].map((at) => at * DIMENSIONS);
    for (let i = 0; i < DIMENSIONS; i++) {
      const shared =
        a * common[i] + b * ofField[atField + i] + c * ofTopic[atTopic + i] + d * ofSubject[atSubject + i];
      row[i] = shared + e * scales[i] * random.normal();
    }
    scaleToUnit(row);
  }

  centres(count) {
    const centres = new Float32Array(count * DIMENSIONS);
    for (let at = 0; at < centres.length; at++)
      centres[at] = this.scales[at % DIMENSIONS] * this.random.normal();
    return centres;
  }

  /** One of `count` things, the first of them the most frequent, with a tail as long as Zipf's but a flatter head. */
  zipf(count) {
    const head = count / 20;
    return Math.min(count - 1, Math.floor(head * ((1 + count / head) ** this.random.uniform() - 1)));
  }
}

/**
 * A seeded set. Queries are rows that are not in the set, and middles between two of those, in turn: questions are farther from everything
 * than answers are from each other.
 *
 * @returns a set as races take it.
 */
export function seededSet(folder, count, asked, seed = 1) {
  const rows = new Rows(count, seed);
  const vectors = join(folder, `seeded-${count}.f32`);
  const file = openSync(vectors, 'w');
  const piece = new Float32Array(PIECE * DIMENSIONS);
  for (let first = 0; first < count; first += PIECE) {
    const size = Math.min(PIECE, count - first);
    for (let i = 0; i < size; i++) rows.write(piece.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS));
    writeSync(file, new Uint8Array(piece.buffer, 0, size * DIMENSIONS * 4));
  }
  closeSync(file);
  const queries = new Float32Array(asked * DIMENSIONS);
  const other = new Float32Array(DIMENSIONS);
  for (let i = 0; i < asked; i++) {
    const query = queries.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);
    rows.write(query);
    if (i % 2 === 0) continue;
    rows.write(other);
    for (let j = 0; j < DIMENSIONS; j++) query[j] += other[j];
    scaleToUnit(query);
  }
  return writeSet(folder, `seeded ${count.toLocaleString('en')}`, vectors, count, queries);
}

/** A set of vectors that are in a file already. */
export function writeSet(folder, name, vectors, count, queries) {
  const path = join(folder, `${name.replaceAll(/\W+/g, '-')}.queries.f32`);
  writeFileSync(path, new Uint8Array(queries.buffer, queries.byteOffset, queries.byteLength));
  const asked = queries.length / DIMENSIONS;
  return { name, vectors, queries: path, count, asked, dimensions: DIMENSIONS };
}

/** `[rows, dimensions]` from a row on of a file of float32. */
export function readRows(path, dimensions, first, rows) {
  const bytes = new Uint8Array(4 * dimensions * rows);
  const file = openSync(path);
  for (let at = 0; at < bytes.length; )
    at += readSync(file, bytes, at, bytes.length - at, 4 * dimensions * first + at);
  closeSync(file);
  return new Float32Array(bytes.buffer);
}

/** All rows of a small file, each by itself. */
export function rowsOf(path, dimensions) {
  const rows = statSync(path).size / (4 * dimensions);
  const all = readRows(path, dimensions, 0, rows);
  return Array.from({ length: rows }, (_, i) => all.subarray(i * dimensions, (i + 1) * dimensions));
}

/** Quantiles that {@link spread} gives. */
const QUANTILES = [0.1, 0.5, 0.9];
/** Neighbours whose cosines {@link spread} gives. */
const RANKS = [1, 10, 100];

/**
 * How a set is spread: cosines of queries to their first, tenth and hundredth neighbours and to a row in the middle, each as the 10th, 50th and
 * 90th percentile over up to 100 queries, and the gap between the tenth and the eleventh, which is what rounding must not blur.
 */
export function spread({ name, vectors, queries, count, dimensions }) {
  const asked = rowsOf(queries, dimensions).slice(0, 100);
  const scores = asked.map(() => new Float32Array(count));
  for (let first = 0; first < count; first += PIECE) {
    const rows = readRows(vectors, dimensions, first, Math.min(PIECE, count - first));
    for (const [i, query] of asked.entries()) scoreRows(rows, query, scores[i], first);
  }
  for (const ofQuery of scores) ofQuery.sort();
  const quantiles = (of) => {
    const sorted = scores.map(of).sort((a, b) => a - b);
    return QUANTILES.map((share) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(3)).join(' / ');
  };
  const gaps = scores.map((all) => all[count - 10] - all[count - 11]).sort((a, b) => a - b);
  return {
    set: name,
    ...Object.fromEntries(RANKS.map((rank) => [`neighbour ${rank}`, quantiles((all) => all[count - rank])])),
    median: quantiles((all) => all[count >> 1]),
    'median gap of 10 to 11': gaps[gaps.length >> 1].toFixed(4),
  };
}

function scoreRows(rows, query, scores, first) {
  const { length } = query;
  for (let row = 0, at = 0; at < rows.length; row++) {
    let score = 0;
    for (let i = 0; i < length; i++) score += rows[at++] * query[i];
    scores[first + row] = score;
  }
}

function scaleToUnit(row) {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i] * row[i];
  const scale = 1 / Math.sqrt(sum);
  for (let i = 0; i < row.length; i++) row[i] *= scale;
}
