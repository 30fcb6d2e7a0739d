import type { ByteReader, ByteWriter } from './byte-list.ts';
import { fromDeltaPlanes, toDeltaPlanes } from './byte-planes.ts';

/** Scores are this, or have as many decimals as the number below it says. */
const FLOAT32 = 16;
const FLOAT64 = 17;

/** More decimals than whole numbers of 32 bits have. */
const MOST_DECIMALS = 10;

/**
 * Writes log probabilities without loss. Published ones are either short decimals or float32, and fall from piece to piece: as
 * whole numbers of 32 bits their differences are small. Any others take 8 bytes.
 */
export function writeScores(writer: ByteWriter, scores: Float64Array): void {
  const [kind, words] = wordsOf(scores);
  writer.byte(kind);
  for (const part of words) writer.all(toDeltaPlanes(part));
}

/**
 * Reads `count` scores that {@link writeScores} wrote.
 *
 * @throws RangeError where they are not such.
 */
export function readScores(reader: ByteReader, count: number): Float64Array {
  const [kind] = reader.all(1);
  const words = () => fromDeltaPlanes(reader.all(4 * count));
  const scores = kind <= MOST_DECIMALS ? fromDecimals(words(), kind) : readFloats(kind, words);
  if (!scores.every(Number.isFinite)) throw new RangeError('a score is not finite');
  return scores;
}

function readFloats(kind: number, words: () => Int32Array<ArrayBuffer>): Float64Array {
  if (kind === FLOAT32) return Float64Array.from(new Float32Array(words().buffer));
  if (kind !== FLOAT64) throw new RangeError(`scores are of kind ${kind}`);
  const low = words();
  const high = words();
  const both = new Int32Array(2 * low.length);
  for (let i = 0; i < low.length; i++) {
    both[2 * i] = low[i];
    both[2 * i + 1] = high[i];
  }
  return new Float64Array(both.buffer);
}

function wordsOf(scores: Float64Array): [kind: number, words: Int32Array[]] {
  for (let decimals = 0; decimals <= MOST_DECIMALS; decimals++) {
    const numbers = Int32Array.from(scores, (score) => Math.round(score * 10 ** decimals));
    if (same(fromDecimals(numbers, decimals), scores)) return [decimals, [numbers]];
  }
  const floats = Float32Array.from(scores);
  if (same(Float64Array.from(floats), scores)) return [FLOAT32, [new Int32Array(floats.buffer)]];
  const words = new Int32Array(scores.slice().buffer, 0, 2 * scores.length);
  return [FLOAT64, [0, 1].map((part) => words.filter((_, i) => i % 2 === part))];
}

/** Both the number and the power of ten are exact, so the quotient is what the decimal is read as. */
function fromDecimals(numbers: Int32Array, decimals: number): Float64Array {
  const power = 10 ** decimals;
  const scores = new Float64Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) scores[i] = numbers[i] / power;
  return scores;
}

/** Whether all are the same bit for bit, zeros of different sign not. */
function same(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, i) => Object.is(value, b[i]));
}
