import type { JsonPlace } from './json-place.ts';
import { isWhitespace, skipWhitespace } from './whitespace.ts';

/** The sign that stands for a space at the beginning of a word: ▁, U+2581. */
export const META = 0x2581;

/**
 * Told of the words of a text, from left to right: units `start` … `end`, with a ▁ put in front where `prepend` says so.
 * A space in the range stands for ▁. Returns false to stop.
 */
export type WordVisitor = (start: number, end: number, prepend: boolean) => boolean;

/** Cuts a normalised text into words. */
export interface PreTokenizer {
  /** @param first - units before this one come from the very beginning of the input. */
  words(text: string, first: number, visit: WordVisitor): void;
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

  words(text: string, first: number, visit: WordVisitor): void {
    this.wordsIn(text, 0, text.length, first, visit);
  }

  /** @returns false once the visitor has had enough. */
  wordsIn(text: string, start: number, end: number, first: number, visit: WordVisitor): boolean {
    if (start === end) return true;
    const wanted = this.prepend === 'always' || (this.prepend === 'first' && start < first);
    let prepend = wanted && !isMeta(text.charCodeAt(start));
    let word = start;
    if (this.split) {
      for (let i = start + 1; i < end; i++) {
        if (!isMeta(text.charCodeAt(i))) continue;
        if (!visit(word, i, prepend)) return false;
        word = i;
        prepend = false;
      }
    }
    return visit(word, end, prepend);
  }
}

/** White space of every kind separates words and is gone; each word is then treated as {@link Metaspace} does. */
class WhitespaceMetaspace implements PreTokenizer {
  private readonly metaspace: Metaspace;

  constructor(prepend: Prepend, split: boolean) {
    this.metaspace = new Metaspace(prepend, split);
  }

  words(text: string, first: number, visit: WordVisitor): void {
    for (let end = 0; end < text.length; ) {
      const start = skipWhitespace(text, end);
      end = start;
      while (end < text.length && !isWhitespace(text.charCodeAt(end))) end++;
      if (!this.metaspace.wordsIn(text, start, end, first, visit)) return;
    }
  }
}

function isMeta(unit: number): boolean {
  return unit === 0x20 || unit === META;
}
