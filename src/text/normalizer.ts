import { SternaError } from '../errors.ts';
import { type AlignedText, Rewriter } from './aligned-text.ts';
import { fromBase64 } from './base64.ts';
import type { JsonPlace } from './json-place.ts';
import { Precompiled } from './precompiled.ts';
import { escapeRegExp, isPortable } from './regexp.ts';
import { skipWhitespace, skipWhitespaceBack } from './whitespace.ts';

/** Sequences within sequences that are followed; published files have one. */
export const DEEPEST = 8;

/** Rewrites a text before it is cut into words. */
export interface Normalizer {
  normalize(text: AlignedText): AlignedText;
}

/**
 * The `normalizer` of a tokenizer.json: `Precompiled`, `Replace`, `Strip`, or a `Sequence` of them.
 *
 * @throws SternaError `unsupported-model` for any other kind, `corrupt-file`.
 */
export function readNormalizer(json: JsonPlace): Normalizer {
  return read(json, 0);
}

function read(json: JsonPlace, depth: number): Normalizer {
  if (json.isAbsent) return { normalize: (text) => text };
  switch (json.field('type').string()) {
    case 'Precompiled':
      return new Precompiled(
        readCharsmap(json.field('precompiled_charsmap')),
        json.field('precompiled_charsmap').path,
      );
    case 'Sequence':
      if (depth === DEEPEST) json.refuse(`sequences no deeper than ${DEEPEST}`);
      return new Sequence(
        json
          .field('normalizers')
          .list()
          .map((step) => read(step, depth + 1)),
      );
    case 'Replace':
      return new Replace(readPattern(json.field('pattern')), json.field('content').string());
    case 'Strip':
      return new Strip(json.field('strip_left').boolean(), json.field('strip_right').boolean());
    default:
      return json.refuse('a normalizer of type Precompiled, Sequence, Replace or Strip');
  }
}

class Sequence implements Normalizer {
  constructor(private readonly steps: readonly Normalizer[]) {}

  normalize(text: AlignedText): AlignedText {
    return this.steps.reduce((before, step) => step.normalize(before), text);
  }
}

/** Replaces every match of a pattern by a fixed text. */
class Replace implements Normalizer {
  constructor(
    private readonly pattern: RegExp,
    private readonly content: string,
  ) {}

  normalize(source: AlignedText): AlignedText {
    const rewriter = new Rewriter(source);
    for (const { index, 0: found } of source.text.matchAll(this.pattern)) {
      rewriter.replace(index, index + found.length, this.content);
    }
    return rewriter.finish();
  }
}

/** Takes white space away from the ends. */
class Strip implements Normalizer {
  constructor(
    private readonly left: boolean,
    private readonly right: boolean,
  ) {}

  normalize(source: AlignedText): AlignedText {
    const { text } = source;
    const rewriter = new Rewriter(source);
    const start = this.left ? skipWhitespace(text, 0) : 0;
    if (start > 0) rewriter.replace(0, start, '');
    const kept = this.right ? Math.max(start, skipWhitespaceBack(text, text.length)) : text.length;
    if (kept < text.length) rewriter.replace(kept, text.length, '');
    return rewriter.finish();
  }
}

/** `{"String": "…"}` or `{"Regex": "…"}`. */
function readPattern(json: JsonPlace): RegExp {
  const literal = json.field('String');
  if (!literal.isAbsent) {
    const text = literal.string();
    return text === '' ? literal.refuse('a text that is not empty') : new RegExp(escapeRegExp(text), 'gu');
  }
  const regex = json.field('Regex');
  const source = regex.string();
  try {
    const pattern = new RegExp(source, 'gu');
    if (isPortable(source) && !pattern.test('')) return pattern;
  } catch {
    // Refused below.
  }
  return regex.refuse('a regular expression that means the same in every dialect, and matches something');
}

/** Bytes, as a packed tokenizer has them, or base64. */
function readCharsmap(json: JsonPlace): Uint8Array {
  if (json.value instanceof Uint8Array) return json.value;
  const bytes = fromBase64(json.string());
  if (!bytes) throw new SternaError('corrupt-file', `${json.path} is not base64.`);
  return bytes;
}
