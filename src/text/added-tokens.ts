import { type AlignedText, originalEnd, originalStart } from './aligned-text.ts';
import type { JsonPlace } from './json-place.ts';
import type { Normalizer } from './normalizer.ts';
import { escapeRegExp } from './regexp.ts';
import { skipWhitespace, skipWhitespaceBack } from './whitespace.ts';

/** A token that is found in the text itself, before the text is cut into words. */
interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether it is one of the model's control tokens. */
  readonly special: boolean;
  /** Whether it is looked for in the normalised text. */
  readonly normalized: boolean;
  /** Whether it counts only where no letter or digit is beside it. */
  readonly singleWord: boolean;
  /** Whether it takes white space before it, or behind it, along. */
  readonly leftStrip: boolean;
  readonly rightStrip: boolean;
}

/** A stretch of a text: either an added token, or text in between. */
export interface Segment {
  /** The added token, or nothing. */
  readonly id?: number;
  readonly start: number;
  readonly end: number;
}

/** The `added_tokens` of a tokenizer.json. */
export class AddedTokens {
  readonly tokens: readonly AddedToken[];
  private readonly raw: Finder;
  private readonly normalized: Finder;

  /** @throws SternaError `corrupt-file`. */
  constructor(json: JsonPlace, normalizer: Normalizer) {
    this.tokens = json.isAbsent ? [] : json.list().map(readToken);
    this.raw = new Finder(this.tokens.filter(({ normalized }) => !normalized));
    const inNormalized = this.tokens.filter(({ normalized }) => normalized);
    this.normalized = new Finder(
      inNormalized.map((token) => ({
        ...token,
        content: normalizer.normalize({ text: token.content }).text,
      })),
    );
  }

  /**
   * Cuts out the added tokens that stand in the text as it is.
   *
   * @param parseSpecial - whether special tokens are found, too.
   */
  split(text: string, parseSpecial: boolean): Segment[] {
    return this.raw.split(text, parseSpecial);
  }

  /** Cuts out those that are found only in normalised text. */
  splitNormalized(text: AlignedText, parseSpecial: boolean): Segment[] {
    return this.normalized.split(text.text, parseSpecial);
  }
}

/** Finds tokens of a list, the leftmost first and of those that begin there the longest. */
class Finder {
  private readonly pattern: RegExp | undefined;
  private readonly byContent: ReadonlyMap<string, AddedToken>;

  constructor(tokens: readonly AddedToken[]) {
    this.byContent = new Map(
      tokens.filter(({ content }) => content !== '').map((token) => [token.content, token]),
    );
    const contents = [...this.byContent.keys()].sort((a, b) => b.length - a.length);
    const source = contents.map(escapeRegExp).join('|');
    this.pattern = contents.length > 0 ? new RegExp(source, 'gu') : undefined;
  }

  split(text: string, parseSpecial: boolean): Segment[] {
    const segments: Segment[] = [];
    let done = 0;
    for (const { index, 0: content } of this.pattern ? text.matchAll(this.pattern) : []) {
      const token = this.byContent.get(content)!;
      if (token.special && !parseSpecial) continue;
      const behind = index + content.length;
      if (token.singleWord && (endsWithWord(text, index) || startsWithWord(text, behind))) continue;
      // An earlier token's right strip may have taken the white space already.
      const start = Math.max(done, token.leftStrip ? skipWhitespaceBack(text, index) : index);
      const end = token.rightStrip ? skipWhitespace(text, behind) : behind;
      if (start > done) segments.push({ start: done, end: start });
      segments.push({ id: token.id, start, end });
      done = end;
    }
    if (done < text.length) segments.push({ start: done, end: text.length });
    return segments;
  }
}

/** A part of an aligned text, aligned with the same original. */
export function slice(source: AlignedText, start: number, end: number): AlignedText {
  const { text, from, to } = source;
  if (start === 0 && end === text.length) return source;
  return {
    text: text.slice(start, end),
    from: from
      ? from.subarray(start, end)
      : Uint32Array.from({ length: end - start }, (_, i) => originalStart(source, start + i)),
    to: to
      ? to.subarray(start, end)
      : Uint32Array.from({ length: end - start }, (_, i) => originalEnd(source, start + i)),
  };
}

function readToken(json: JsonPlace): AddedToken {
  const special = json.field('special').boolean(false);
  return {
    id: json.field('id').id(),
    content: json.field('content').string(),
    special,
    normalized: json.field('normalized').boolean(!special),
    singleWord: json.field('single_word').boolean(false),
    leftStrip: json.field('lstrip').boolean(false),
    rightStrip: json.field('rstrip').boolean(false),
  };
}

/** What `\w` is to the reference's regular expressions. */
const WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

function endsWithWord(text: string, end: number): boolean {
  return WORD.test([...text.slice(Math.max(0, end - 2), end)].at(-1) ?? '');
}

function startsWithWord(text: string, start: number): boolean {
  return WORD.test(text.slice(start, start + 2));
}
