import { ScriptCounter, scriptOf } from './scripts.ts';
import { mapTokenIds } from './token-ids.ts';
import { Tokenizer } from './tokenizer.ts';
import { readTokenizerJson, vocabularyOf } from './tokenizer-json.ts';
import { Unigram } from './unigram.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What to keep beside what the texts need. */
export interface PruneOptions {
  /**
   * Characters that have pieces of their own keep them: those of the scripts that the texts are written in, of Latin, and of no script,
   * such as digits, punctuation and emoji (`'scripts'`, default), or `'all'`, of which XLM-R has 13,828.
   */
  characters?: 'scripts' | 'all';
  /** Whether the texts count in lower case, too, because queries are often typed so. Default: true. */
  lowerCase?: boolean;
  /** Keeps the first so many pieces, which are the most frequent ones of all languages together. Default: 0. */
  frequent?: number;
}

/** A smaller tokenizer. */
export interface PrunedTokenizer {
  /** The bytes of its tokenizer.json. */
  readonly json: Uint8Array<ArrayBuffer>;
  /** `[tokens]` the former id of each of its ids, ascending: the rows to keep of a model's word table. */
  readonly kept: Uint32Array;
}

/**
 * Takes the pieces out of a vocabulary that sample texts have no use for. The texts have the same tokens afterwards. Other texts mostly do,
 * and are cut into smaller pieces where they do not; how many do, `pruningLoss` tells.
 *
 * Kept are the pieces of the texts; what each kept piece would be cut into if it were not there, so that other forms of a word have
 * its stem and its endings; single characters; special and added tokens; and the least likely piece, because it sets the
 * price of an unknown character.
 *
 * @param json - the bytes of a tokenizer.json.
 * @param texts - a sample of what is going to be encoded: the more the better.
 * @throws SternaError as `Tokenizer.fromJSON` does.
 */
export function pruneTokenizer(
  json: Uint8Array,
  texts: Iterable<string>,
  options: PruneOptions = {},
): PrunedTokenizer {
  const { characters = 'scripts', lowerCase = true, frequent = 0 } = options;
  const tokenizer = Tokenizer.fromJSON(json);
  const parts = readTokenizerJson(json, 'tokenizer.json');
  const fields = parts.json.value as Record<string, unknown>;
  const vocabulary = vocabularyOf(parts);
  const keep = new Set<number>();

  mapTokenIds(fields, (id) => {
    keep.add(id);
    return id;
  });
  keep.add(leastLikely(vocabulary));
  for (let id = 0; id < Math.min(frequent, vocabulary.size); id++) keep.add(id);
  const scripts = addPiecesOf(texts, tokenizer, lowerCase, keep);
  addCharacters(vocabulary, (script) => characters === 'all' || scripts.has(script), keep);
  addParts(new Unigram(parts.json.field('model'), vocabulary), keep);

  const kept = Uint32Array.from(keep).sort();
  return { json: new TextEncoder().encode(JSON.stringify(withPieces(fields, vocabulary, kept))), kept };
}

/** Adds the pieces that texts consist of. @returns the scripts that they are written in. */
function addPiecesOf(
  texts: Iterable<string>,
  tokenizer: Tokenizer,
  lowerCase: boolean,
  keep: Set<number>,
): Set<string> {
  const counter = new ScriptCounter();
  for (const text of texts) {
    counter.add(text);
    const lower = text.toLowerCase();
    for (const variant of lowerCase && lower !== text ? [text, lower] : [text]) {
      for (const specialTokens of ['parse', 'text'] as const)
        for (const id of tokenizer.encode(variant, { specialTokens }).ids) keep.add(id);
    }
  }
  return counter.scripts();
}

function addCharacters(
  vocabulary: Vocabulary,
  isWanted: (script: string) => boolean,
  keep: Set<number>,
): void {
  for (let id = 0; id < vocabulary.size; id++) {
    if (vocabulary.starts[id + 1] - vocabulary.starts[id] > 2) continue;
    const [character, ...more] = vocabulary.piece(id)!;
    if (character === undefined || more.length > 0) continue;
    const script = scriptOf(character);
    if (script === undefined || isWanted(script)) keep.add(id);
  }
}

/** Adds what each kept piece would be cut into without it, and those pieces' parts in turn. */
function addParts(model: Unigram, keep: Set<number>): void {
  const { vocabulary, unknownId } = model;
  const banned = new Uint8Array(vocabulary.size);
  // What is added to a set on the way is come by as well.
  for (const id of keep) {
    const piece = vocabulary.piece(id);
    if (piece === undefined) continue;
    banned[id] = 1;
    model.tokenize(piece, 0, piece.length, false, banned, (part) => {
      if (part !== unknownId) keep.add(part);
    });
    banned[id] = 0;
  }
}

function leastLikely({ scores, size }: Vocabulary): number {
  let least = 0;
  for (let id = 1; id < size; id++) if (scores[id] < scores[least]) least = id;
  return least;
}

/** The tokenizer.json with the kept pieces alone, and new ids wherever there are ids. */
function withPieces(
  fields: Record<string, unknown>,
  vocabulary: Vocabulary,
  kept: Uint32Array,
): Record<string, unknown> {
  const newIds = new Map(Array.from(kept, (old, id) => [old, id]));
  const changed = mapTokenIds(fields, (id) => newIds.get(id)!);
  const pieces = kept.filter((id) => id < vocabulary.size);
  const vocab = Array.from(pieces, (id) => [vocabulary.piece(id), vocabulary.scores[id]]);
  return { ...changed, model: { ...(changed.model as object), vocab } };
}
