import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonPlace } from './json-place.ts';
import { Unigram } from './unigram.ts';

const UNKNOWN = 0;
const pieceOfLetters = fc.string({ unit: fc.constantFrom('a', 'b', '▁', '𠮷'), minLength: 1, maxLength: 4 });
const vocabularies = fc.uniqueArray(fc.tuple(pieceOfLetters, fc.integer({ min: -9, max: -1 })), {
  selector: ([piece]) => piece,
  maxLength: 12,
});
const words = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '𠮷'), minLength: 1, maxLength: 7 });

function unigram(vocabulary: readonly (readonly [string, number])[]): Unigram {
  return new Unigram(new JsonPlace({ unk_id: UNKNOWN, vocab: [['<unk>', -1], ...vocabulary] }, 'test:'));
}

function cut(
  model: Unigram,
  word: string,
  prepend = false,
  banned?: Uint8Array,
): [id: number, units: string][] {
  const cuts: [number, string][] = [];
  const text = prepend ? `▁${word}` : word;
  model.tokenize(word, 0, word.length, prepend, banned, (id, start, end) =>
    cuts.push([id, text.slice(start, end)]),
  );
  return cuts;
}

/** The score of the best of all ways to cut a text into pieces and unknown characters, found by trying them all. */
function bestScore(
  characters: readonly string[],
  scores: ReadonlyMap<string, number>,
  unknown: number,
): number {
  if (characters.length === 0) return 0;
  let best = Number.NEGATIVE_INFINITY;
  for (let length = 1; length <= characters.length; length++) {
    const score = scores.get(characters.slice(0, length).join('')) ?? (length === 1 ? unknown : undefined);
    if (score === undefined) continue;
    best = Math.max(best, score + bestScore(characters.slice(length), scores, unknown));
  }
  return best;
}

test('the pieces of a word have the largest sum of all ways to cut it', () => {
  fc.assert(
    fc.property(vocabularies, words, fc.boolean(), (vocabulary, word, prepend) => {
      const scores = new Map<string, number>([...vocabulary, ['<unk>', -1]]);
      const unknown = Math.min(...scores.values()) - 10;
      const cuts = cut(unigram(vocabulary), word, prepend);
      const text = prepend ? `▁${word}` : word;
      expect(cuts.map(([, units]) => units).join('')).toBe(text);
      const score = cuts.reduce(
        (sum, [id, units]) => sum + (id === UNKNOWN ? unknown * [...units].length : scores.get(units)!),
        0,
      );
      expect(score).toBe(bestScore([...text], scores, unknown));
    }),
    { numRuns: 1000 },
  );
});

test('neighbouring unknown characters are one unknown piece', () => {
  const model = unigram([['a', -1]]);
  expect(cut(model, 'xyaz𠮷')).toEqual([
    [UNKNOWN, 'xy'],
    [1, 'a'],
    [UNKNOWN, 'z𠮷'],
  ]);
});

test('of equal cuts, the one that the shorter first piece begins loses', () => {
  const model = unigram([
    ['a', -2],
    ['bc', -4],
    ['ab', -4],
    ['c', -2],
  ]);
  // Reached first is what stays: a + bc is found from place 1, ab + c from place 2.
  expect(cut(model, 'abc').map(([, units]) => units)).toEqual(['a', 'bc']);
});

test('a space stands for ▁', () => {
  const model = unigram([
    ['▁', -1],
    ['▁a', -1],
  ]);
  expect(cut(model, ' a').map(([id]) => id)).toEqual([2]);
});

test('a banned piece is not found, the letters of it are', () => {
  const model = unigram([
    ['a', -5],
    ['aa', -1],
  ]);
  expect(cut(model, 'aa').map(([id]) => id)).toEqual([2]);
  expect(cut(model, 'aa', false, Uint8Array.of(0, 0, 1)).map(([id]) => id)).toEqual([1, 1]);
});

test('a piece has its id, of two that are equal the later one', () => {
  const model = unigram([
    ['a', -5],
    ['b', -1],
    ['a', -2],
  ]);
  expect(model.idOf('a')).toBe(3);
  expect(model.idOf('b')).toBe(2);
  expect(model.idOf('ab')).toBeUndefined();
  expect(model.idOf('')).toBeUndefined();
});
