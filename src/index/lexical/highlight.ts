import { isPair, type LocatedTerms } from './terms.ts';

/** A range of matched pieces that follow each other. */
interface Match {
  readonly start: number;
  end: number;
  /** Whether its first piece is but a part of a word. */
  readonly isPart: boolean;
}

/**
 * Where a query's terms are in a text. Pieces of one word that follow each other are one range, so a word of which all pieces match is marked as a
 * whole. A single letter within a longer word is not marked, as that says nothing; an ideograph is.
 *
 * @param located - the terms of the text, from `locateTerms`.
 * @param query - the terms of the query, from `termsOf`.
 * @returns UTF-16 ranges in ascending order, which do not overlap.
 */
export function highlight(located: LocatedTerms, query: Uint32Array): [start: number, end: number][] {
  return matches(located, new Set(query))
    .filter((match) => !isStrayLetter(match, located.text))
    .map(({ start, end }) => [start, end]);
}

function matches({ terms, offsets }: LocatedTerms, wanted: ReadonlySet<number>): Match[] {
  const found: Match[] = [];
  let isAfterMatch = false;
  for (let i = 0; i < terms.length; i++) {
    if (isPair(terms[i])) continue;
    const isMatch = wanted.has(terms[i]);
    if (isMatch) {
      const start = offsets[2 * i];
      const end = offsets[2 * i + 1];
      const last = found.at(-1);
      const hasPieceBefore = i > 0 && isPair(terms[i - 1]);
      const hasPieceAfter = i + 1 < terms.length && isPair(terms[i + 1]);
      // Two pieces may have one range, where the character map made several characters of one.
      const isMore = last && ((isAfterMatch && hasPieceBefore) || start < last.end);
      if (isMore) last.end = Math.max(last.end, end);
      else found.push({ start, end, isPart: hasPieceBefore || hasPieceAfter });
    }
    isAfterMatch = isMatch;
  }
  return found;
}

function isStrayLetter({ start, end, isPart }: Match, text: string): boolean {
  return isPart && end - start === 1 && !/\p{Ideographic}/u.test(text[start]);
}
