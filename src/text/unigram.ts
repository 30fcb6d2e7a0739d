import type { JsonPlace } from './json-place.ts';
import { PieceTrie, ROOT } from './piece-trie.ts';
import { META } from './pre-tokenizer.ts';
import { Vocabulary } from './vocabulary.ts';

/** An unknown character costs this much more than the least likely piece (SentencePiece's constant). */
const UNKNOWN_PENALTY = 10;

/** Fields that a Unigram model may have. One that is not known might change the ids, so it is not passed over. */
const OPTIONS = new Set(['type', 'vocab', 'unk_id', 'byte_fallback', 'fuse_unk']);

/** Told of the pieces of a word, from left to right: its units `start` … `end` are piece `id`. */
export type PieceVisitor = (id: number, start: number, end: number) => void;

/**
 * A Unigram language model (Kudo 2018): a word is cut into the pieces whose log probabilities have the largest sum,
 * found by Viterbi. Ties go to the cut that was found first, which is the one with the longer last piece.
 */
export class Unigram {
  readonly vocabulary: Vocabulary;
  /** Id of the unknown piece. */
  readonly unknownId: number;
  private readonly trie: PieceTrie;
  private readonly unknownScore: number;

  // The best way to each place of the word at hand: its score, where its last piece begins, and that piece.
  private best = new Float64Array(64);
  private starts = new Int32Array(64);
  private ids = new Int32Array(64);
  private units = new Uint16Array(64);
  /** Places where the pieces of the best way end, from the last to the first. */
  private cuts = new Int32Array(64);

  /**
   * @param json - the `model` of a tokenizer.json.
   * @param scanned - its vocabulary, where that was read before.
   * @throws SternaError `unsupported-model`, `corrupt-file`.
   */
  constructor(json: JsonPlace, scanned?: Vocabulary) {
    const type = json.field('type');
    if (type.string('Unigram') !== 'Unigram') type.refuse('"Unigram"');
    const fallback = json.field('byte_fallback');
    if (fallback.boolean(false)) fallback.refuse('false: byte fallback is not built in');
    const fuse = json.field('fuse_unk');
    if (!fuse.boolean(true)) fuse.refuse('true: neighbouring unknown characters make one token');
    for (const name of json.names()) {
      if (!OPTIONS.has(name)) json.field(name).refuse('no such field: what it would change is not known');
    }
    const unknown = json.field('unk_id');
    if (unknown.isAbsent) unknown.refuse('the id of the piece for unknown characters');

    this.vocabulary = scanned ?? Vocabulary.of(json.field('vocab'));
    const { size, scores } = this.vocabulary;
    this.unknownId = unknown.id();
    if (this.unknownId >= size) unknown.fail(`a place in the vocabulary of ${size} pieces`);
    let lowest = Number.POSITIVE_INFINITY;
    for (let id = 0; id < size; id++) lowest = Math.min(lowest, scores[id]);
    this.unknownScore = lowest - UNKNOWN_PENALTY;
    this.trie = PieceTrie.of(this.vocabulary) ?? json.refuse('a vocabulary that fits a trie of 2^24 nodes');
  }

  /** The id of a piece. */
  idOf(piece: string): number | undefined {
    return this.trie.get(piece);
  }

  /**
   * Cuts a word into pieces. Neighbouring unknown characters make one unknown piece.
   *
   * @param text - units `start` … `end` are the word; a space stands for ▁.
   * @param prepend - whether a ▁ comes before it. The visitor's units count it.
   * @param banned - `[vocabulary]` 1 for pieces that must not be found, or nothing.
   */
  tokenize(
    text: string,
    start: number,
    end: number,
    prepend: boolean,
    banned: Uint8Array | undefined,
    visit: PieceVisitor,
  ): void {
    const length = this.load(text, start, end, prepend);
    this.findBest(length, banned);

    const { starts, ids, cuts, unknownId } = this;
    let count = 0;
    for (let at = length; at > 0; at = starts[at]) cuts[count++] = at;
    let from = 0;
    while (count > 0) {
      const to = cuts[--count];
      const id = ids[to];
      if (id === unknownId) while (count > 0 && ids[cuts[count - 1]] === unknownId) count--;
      const last = cuts[count];
      visit(id, from, last);
      from = last;
    }
  }

  private findBest(length: number, banned: Uint8Array | undefined): void {
    const { trie, best, starts, ids, units, unknownId, unknownScore } = this;
    const { scores } = this.vocabulary;
    starts.fill(-1, 0, length + 1);
    best[0] = 0;
    for (let from = 0, next = 0; from < length; from = next) {
      next = from + (isPair(units, from, length) ? 2 : 1);
      const before = best[from];
      let known = false;
      let node = ROOT;
      for (let to = from; to < length; ) {
        node = trie.step(node, units[to++]);
        if (node === ROOT) break;
        const id = trie.valueOf(node);
        if (id < 0 || banned?.[id]) continue;
        const score = before + scores[id];
        if (starts[to] < 0 || score > best[to]) {
          best[to] = score;
          starts[to] = from;
          ids[to] = id;
        }
        if (to === next) known = true;
      }
      if (known) continue;
      const score = before + unknownScore;
      if (starts[next] < 0 || score > best[next]) {
        best[next] = score;
        starts[next] = from;
        ids[next] = unknownId;
      }
    }
  }

  /** Puts the word into `units`. @returns its length. */
  private load(text: string, start: number, end: number, prepend: boolean): number {
    const length = end - start + (prepend ? 1 : 0);
    if (length >= this.units.length) this.grow(2 * length);
    const { units } = this;
    let at = 0;
    if (prepend) units[at++] = META;
    for (let i = start; i < end; i++) {
      const unit = text.charCodeAt(i);
      units[at++] = unit === 0x20 ? META : unit;
    }
    return length;
  }

  private grow(size: number): void {
    this.best = new Float64Array(size);
    this.starts = new Int32Array(size);
    this.ids = new Int32Array(size);
    this.units = new Uint16Array(size);
    this.cuts = new Int32Array(size);
  }
}

/** Whether a surrogate pair is at `at`. */
function isPair(units: Uint16Array, at: number, length: number): boolean {
  return (units[at] & 0xfc00) === 0xd800 && at + 1 < length && (units[at + 1] & 0xfc00) === 0xdc00;
}
