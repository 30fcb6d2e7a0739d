import type { JsonPlace } from './json-place.ts';

/** The sign that stands for a space at the beginning of a word: ▁, U+2581. */
export const META = 0x2581;

/**
 * Told of the words of a text, from left to right: units `start` … `end`, with a ▁ put in front where `prepend` says so.
 * A space in the range stands for ▁. Returns false to stop.
 */
export type WordVisitor = (start: number, end: number, prepend: boolean) => boolean;

/** Cuts a normalised text into words. */
export interface PreTokenizer {
  /** @param atStart - whether the text begins where the whole input does. */
  words(text: string, atStart: boolean, visit: WordVisitor): void;
}

/**
 * The `pre_tokenizer` of a tokenizer.json. Both forms that XLM-R tokenizers were published with: `WhitespaceSplit` followed
 * by `Metaspace`, and `Metaspace` alone. They differ in white space other than single spaces, which the former drops.
 *
 * @throws SternaError `unsupported-model` for any other form, `corrupt-file`.
 */
export function readPreTokenizer(json: JsonPlace): PreTokenizer {
  const steps = json.field('type').string() === 'Sequence' ? json.field('pretokenizers').list() : [json];
  const types = steps.map((step) => step.field('type').string()).join(', ');
  if (types === 'Metaspace') return new Metaspace(readPrepend(steps[0]), readSplit(steps[0]));
  if (types === 'WhitespaceSplit, Metaspace')
    return new WhitespaceMetaspace(readPrepend(steps[1]), readSplit(steps[1]));
  return json.refuse('Metaspace, or WhitespaceSplit followed by Metaspace');
}

/** Which words get a ▁ in front that have none. */
type Prepend = 'always' | 'first' | 'never';

function readPrepend(json: JsonPlace): Prepend {
  const replacement = json.field('replacement');
  if (replacement.string('▁') !== '▁') replacement.refuse('"▁"');
  const scheme = json.field('prepend_scheme');
  // Older files say it as a flag.
  if (scheme.isAbsent) return json.field('add_prefix_space').boolean(true) ? 'always' : 'never';
  const value = scheme.string();
  return value === 'always' || value === 'first' || value === 'never'
    ? value
    : scheme.refuse('"always", "first" or "never"');
}

function readSplit(json: JsonPlace): boolean {
  return json.field('split').boolean(true);
}

/** Spaces become ▁, and a new word begins at each. */
class Metaspace implements PreTokenizer {
  constructor(
    private readonly prepend: Prepend,
    private readonly split: boolean,
  ) {}

  words(text: string, atStart: boolean, visit: WordVisitor): void {
    this.wordsIn(text, 0, text.length, atStart, visit);
  }

  /** @returns false once the visitor has had enough. */
  wordsIn(text: string, start: number, end: number, atStart: boolean, visit: WordVisitor): boolean {
    if (start === end) return true;
    let prepend =
      !isMeta(text.charCodeAt(start)) && (this.prepend === 'always' || (this.prepend === 'first' && atStart));
    let first = start;
    if (this.split) {
      for (let i = start + 1; i < end; i++) {
        if (!isMeta(text.charCodeAt(i))) continue;
        if (!visit(first, i, prepend)) return false;
        first = i;
        prepend = false;
      }
    }
    return visit(first, end, prepend);
  }
}

/** White space of every kind separates words and is gone; each word is then treated as {@link Metaspace} does. */
class WhitespaceMetaspace implements PreTokenizer {
  private readonly metaspace: Metaspace;

  constructor(prepend: Prepend, split: boolean) {
    this.metaspace = new Metaspace(prepend, split);
  }

  words(text: string, atStart: boolean, visit: WordVisitor): void {
    for (let i = 0; i < text.length; ) {
      while (i < text.length && isWhitespace(text.charCodeAt(i))) i++;
      const start = i;
      while (i < text.length && !isWhitespace(text.charCodeAt(i))) i++;
      if (!this.metaspace.wordsIn(text, start, i, atStart && start === 0, visit)) return;
    }
  }
}

function isMeta(unit: number): boolean {
  return unit === 0x20 || unit === META;
}

/** Unicode's White_Space, which is neither JavaScript's `\s` (no U+0085, but U+FEFF) nor ASCII. */
export function isWhitespace(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  return (
    unit === 0x85 ||
    unit === 0xa0 ||
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}
