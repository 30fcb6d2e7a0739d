import type { JsonPlace } from './json-place.ts';

/**
 * Pieces and their log probabilities, by id. The pieces lie end to end as UTF-16 units in one array: 250,002 strings would
 * take five times the memory, and the garbage collector's time.
 */
export class Vocabulary {
  /** `[units]` all pieces, one after another. */
  units: Uint16Array;
  /** `[size + 1]` where each piece begins in `units`, then where the last one ends. */
  starts: Uint32Array;
  /** `[size]` log probabilities. */
  scores: Float64Array;
  size = 0;

  /** @param capacity - pieces to make room for; more may come. */
  constructor(capacity = 1024) {
    this.units = new Uint16Array(8 * capacity);
    this.starts = new Uint32Array(capacity + 1);
    this.scores = new Float64Array(capacity);
  }

  /**
   * From the list `[[piece, score], …]` of a tokenizer.json.
   *
   * @throws SternaError `corrupt-file`.
   */
  static of(list: JsonPlace): Vocabulary {
    const entries = list.array();
    const vocabulary = new Vocabulary(entries.length);
    for (const [i, entry] of entries.entries()) {
      if (!isPiece(entry)) return list.item(i).fail('[piece, score], such as ["▁the", -3.9]');
      const [piece, score] = entry;
      const start = vocabulary.reserve(piece.length);
      for (let k = 0; k < piece.length; k++) vocabulary.units[start + k] = piece.charCodeAt(k);
      vocabulary.push(piece.length, score);
    }
    return vocabulary;
  }

  /** Pieces of known lengths, whose units and scores are 0 and are to be filled in. */
  static ofLengths(lengths: Uint32Array): Vocabulary {
    const size = lengths.length;
    const vocabulary = new Vocabulary(size);
    vocabulary.size = size;
    for (let id = 0; id < size; id++) vocabulary.starts[id + 1] = vocabulary.starts[id] + lengths[id];
    vocabulary.units = new Uint16Array(vocabulary.starts[size]);
    return vocabulary;
  }

  /** Makes room for a piece of at most `length` units. @returns the place in `units` to write it to. */
  reserve(length: number): number {
    const start = this.starts[this.size];
    if (this.size === this.scores.length) {
      this.starts = grown(this.starts, 2 * this.size + 2);
      this.scores = grown(this.scores, 2 * this.size + 1);
    }
    if (start + length > this.units.length) this.units = grown(this.units, 2 * (start + length));
    return start;
  }

  /** Takes the units that were written to the reserved place as the next piece. */
  push(length: number, score: number): void {
    this.scores[this.size] = score;
    this.starts[this.size + 1] = this.starts[this.size] + length;
    this.size++;
  }

  /** The piece of an id. */
  piece(id: number): string | undefined {
    if (!(id >= 0 && id < this.size)) return undefined;
    return String.fromCharCode(...this.units.subarray(this.starts[id], this.starts[id + 1]));
  }
}

function isPiece(entry: unknown): entry is [piece: string, score: number] {
  return Array.isArray(entry) && typeof entry[0] === 'string' && Number.isFinite(entry[1]);
}

function grown<A extends Uint16Array | Uint32Array | Float64Array>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(length);
  larger.set(array);
  return larger;
}
