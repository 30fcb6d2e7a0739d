import { lexicalText } from './lexical-text.ts';

/**
 * Terms are numbers, the same for all languages:
 *
 * - below 2³⁰: a piece of the tokenizer's vocabulary, by its id;
 * - 2³⁰ + code point: a character that the vocabulary lacks;
 * - from 2³¹ on: two of these that follow each other within a word, by their hash. They stand in for words where a vocabulary cuts
 *   words into many pieces, and for words at all where a script puts no spaces between them.
 */
const CHARACTERS = 2 ** 30;
const PAIRS = 2 ** 31;

/** How much a pair counts, beside a piece: the pieces it is made of have been counted already. */
const PAIR_WEIGHT = 0.5;

/** What is needed of a tokenizer; the library's `Tokenizer` has it. */
export interface TermTokenizer {
  /** Id of the token for unknown characters. */
  readonly unknownId: number;
  /** `ids [tokens]` and their UTF-16 ranges, `offsets [tokens, 2]`; a token that came from no character has an empty range. */
  encode(
    text: string,
    options: { specialTokens: 'text'; addSpecialTokens: false },
  ): { readonly ids: Uint32Array; readonly offsets: Uint32Array };
}

/** The terms of a text, and where they are. */
export interface LocatedTerms {
  /** The text as it was read, of as many UTF-16 units. */
  readonly text: string;
  /** `[terms]`, in order; a pair stands before its second piece. */
  readonly terms: Uint32Array;
  /** `[terms, 2]` UTF-16 ranges in the text. */
  readonly offsets: Uint32Array;
}

/** The terms of a text, in order: what a row of postings is made of, and a query. */
export function termsOf(tokenizer: TermTokenizer, text: string): Uint32Array {
  return locateTerms(tokenizer, text).terms;
}

/** The terms of a text with their ranges. */
export function locateTerms(tokenizer: TermTokenizer, text: string): LocatedTerms {
  const read = lexicalText(text);
  const { ids, offsets } = tokenizer.encode(read, { specialTokens: 'text', addSpecialTokens: false });
  const list = new TermList(read);
  for (let i = 0; i < ids.length; i++) {
    const start = offsets[2 * i];
    const end = offsets[2 * i + 1];
    if (start === end) continue;
    if (ids[i] === tokenizer.unknownId) list.pushCharacters(start, end);
    else list.push(ids[i], start, end);
  }
  return list.located();
}

/** Whether a term is a pair of others. */
export function isPair(term: number): boolean {
  return term >= PAIRS;
}

/** What a term's score is multiplied by. */
export function weightOf(term: number): number {
  return isPair(term) ? PAIR_WEIGHT : 1;
}

/** Gathers pieces, and puts pairs between those of one word. */
class TermList {
  private terms = new Uint32Array(64);
  private offsets = new Uint32Array(128);
  private length = 0;

  constructor(private readonly text: string) {}

  push(piece: number, start: number, end: number): void {
    const last = this.length - 1;
    if (last >= 0 && !this.hasSpace(this.offsets[2 * last + 1], start)) {
      this.append(pair(this.terms[last], piece), this.offsets[2 * last], end);
    }
    this.append(piece, start, end);
  }

  /** The characters of a range, each as a piece. */
  pushCharacters(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const character = this.text.codePointAt(at) ?? 0;
      const next = at + (character > 0xffff ? 2 : 1);
      if (character !== 0x20) this.push(CHARACTERS + character, at, next);
      at = next;
    }
  }

  located(): LocatedTerms {
    const { text, terms, offsets, length } = this;
    return { text, terms: terms.slice(0, length), offsets: offsets.slice(0, 2 * length) };
  }

  private hasSpace(start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (this.text.charCodeAt(at) === 0x20) return true;
    return false;
  }

  private append(term: number, start: number, end: number): void {
    if (this.length === this.terms.length) this.grow();
    this.terms[this.length] = term;
    this.offsets[2 * this.length] = start;
    this.offsets[2 * this.length + 1] = end;
    this.length++;
  }

  private grow(): void {
    const { terms, offsets } = this;
    this.terms = new Uint32Array(2 * terms.length);
    this.terms.set(terms);
    this.offsets = new Uint32Array(2 * offsets.length);
    this.offsets.set(offsets);
  }
}

/** Of 31 bits: among five million pairs, one in four hundred shares its number with another. */
function pair(first: number, second: number): number {
  let hash = Math.imul(first ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ second, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
  return ((hash ^ (hash >>> 16)) >>> 1) + PAIRS;
}
