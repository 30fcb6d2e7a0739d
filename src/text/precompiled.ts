import { SternaError } from '../errors.ts';
import { type AlignedText, Rewriter } from './aligned-text.ts';
import { DoubleArray } from './double-array.ts';

/**
 * Characters that may share a grapheme with a neighbour; between any two others there is always a boundary. Marks and what
 * Unicode's grapheme break property adds to them: joiners, CR, Hangul jamo, regional indicators, emoji modifiers and
 * tags, two vowel signs that are letters, half-width voicing marks, and the signs that stand before their base.
 */
const JOINING =
  /[\p{M}\p{Emoji_Modifier}\p{Regional_Indicator}\r\u200c-\u200d\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\uff9e\uff9f\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\u{110bd}\u{110cd}\u{111c2}\u{111c3}\u{113d1}\u{1193f}\u{11941}\u{11a3a}\u{11a84}-\u{11a89}\u{11d46}\u{11f02}\u{e0020}-\u{e007f}]/u;

/** From this length in UTF-8 on, a grapheme is normalised character by character. */
const LONG_GRAPHEME = 6;

/** Runs whose edits are remembered: the same accented letters come again and again. */
const MOST_RUNS = 10_000;
const LONGEST_REMEMBERED = 32;

/** Units `from` … `to` of a run become `content`. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly content: string;
}

/** What is known about a character. */
const PLAIN = 1;
const MAPPED = 2;
const JOINS = 3;
const JOINS_AND_MAPPED = 4;
const SURROGATE = 5;

/**
 * SentencePiece's precompiled character map (for XLM-R: `nmt_nfkc`), applied as Hugging Face's `tokenizers` does. That is
 * by graphemes: one shorter than six bytes is replaced *whole* by what its shortest known beginning maps to, so "ẹ̀"
 * written as e + dot below + grave loses the grave. SentencePiece itself replaces longest matches; models trained
 * with the former must be fed by the former.
 */
export class Precompiled {
  private readonly trie: DoubleArray;
  /** Replacements, each ended by a NUL. */
  private readonly pool: Uint8Array;
  /** What is known about each UTF-16 unit; 0 is nothing yet. */
  private readonly classes = new Uint8Array(65536).fill(SURROGATE, 0xd800, 0xe000);
  /** Replacements of single characters, by code point, as they turn up. */
  private readonly replacements = new Map<number, string>();
  /** Classes of characters beyond the BMP. */
  private readonly astral = new Map<number, number>();
  private readonly runs = new Map<string, readonly Edit[]>();
  private graphemes: Intl.Segmenter | undefined;

  /**
   * @param charsmap - the size of a double-array trie in bytes (u32), the trie, and the pool of replacements.
   * @throws SternaError `corrupt-file` where the sizes do not fit.
   */
  constructor(charsmap: Uint8Array, place: string) {
    const bytes = charsmap.slice(); // aligned for the view of words
    const trieBytes = bytes.length >= 4 ? new DataView(bytes.buffer).getUint32(0, true) : 0;
    if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) {
      throw new SternaError(
        'corrupt-file',
        `${place} has ${bytes.length} bytes and says that its trie has ${trieBytes}; needed: a multiple of 4 that fits.`,
      );
    }
    this.trie = new DoubleArray(new Uint32Array(bytes.buffer, 4, trieBytes / 4));
    this.pool = bytes.subarray(4 + trieBytes);
  }

  normalize(source: AlignedText): AlignedText {
    const { text } = source;
    const { classes } = this;
    const rewriter = new Rewriter(source);
    // Plain characters go by fast; anything else is looked at together with its neighbours.
    for (let i = 0; i < text.length; ) {
      const unit = text.charCodeAt(i);
      const kind = classes[unit] || this.classify(unit);
      if (kind === PLAIN) {
        const next = i + 1 < text.length ? text.charCodeAt(i + 1) : 0x20;
        const nextKind = classes[next] || this.classify(next);
        if (nextKind < JOINS) {
          i++;
          continue;
        }
      }
      const end = this.runEnd(text, i);
      this.normalizeRun(text, i, end, rewriter);
      i = end;
    }
    return rewriter.finish();
  }

  /** End of the longest run from `start` in which of any two neighbours at least one may join. */
  private runEnd(text: string, start: number): number {
    let code = text.codePointAt(start)!;
    let end = start + width(code);
    let joins = this.joins(code);
    while (end < text.length) {
      code = text.codePointAt(end)!;
      const nextJoins = this.joins(code);
      if (!joins && !nextJoins) break;
      joins = nextJoins;
      end += width(code);
    }
    return end;
  }

  private normalizeRun(text: string, start: number, end: number, rewriter: Rewriter): void {
    const first = text.codePointAt(start)!;
    if (start + width(first) === end) {
      const content = this.replacementOf(first);
      if (content !== undefined) rewriter.replace(start, end, content);
      return;
    }
    const run = text.slice(start, end);
    let edits = this.runs.get(run);
    if (!edits) {
      edits = this.editsOf(run);
      if (this.runs.size === MOST_RUNS) this.runs.clear();
      if (run.length <= LONGEST_REMEMBERED) this.runs.set(run, edits);
    }
    for (const { from, to, content } of edits) rewriter.replace(start + from, start + to, content);
  }

  private editsOf(run: string): Edit[] {
    // Two characters of three bytes make six, so only runs with a shorter one can hold a short grapheme of several.
    let shortest = 4;
    for (const character of run) shortest = Math.min(shortest, utf8Length(character.codePointAt(0)!));
    if (shortest >= LONG_GRAPHEME / 2) return this.editsOfCharacters(run, 0);

    this.graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
    const edits: Edit[] = [];
    for (const { segment, index } of this.graphemes.segment(run)) {
      const bytes = new TextEncoder().encode(segment);
      const content = bytes.length < LONG_GRAPHEME ? this.transform(bytes) : undefined;
      if (content === undefined) edits.push(...this.editsOfCharacters(segment, index));
      else edits.push({ from: index, to: index + segment.length, content });
    }
    return edits;
  }

  private editsOfCharacters(text: string, offset: number): Edit[] {
    const edits: Edit[] = [];
    let at = offset;
    for (const character of text) {
      const content = this.replacementOf(character.codePointAt(0)!);
      if (content !== undefined) edits.push({ from: at, to: at + character.length, content });
      at += character.length;
    }
    return edits;
  }

  private replacementOf(code: number): string | undefined {
    return this.classOf(code) === MAPPED || this.joins(code) ? this.replacements.get(code) : undefined;
  }

  private joins(code: number): boolean {
    const kind = this.classOf(code);
    return kind === JOINS || kind === JOINS_AND_MAPPED;
  }

  private classOf(code: number): number {
    if (code < 0x10000) return this.classes[code] || this.classify(code);
    return this.astral.get(code) ?? this.classify(code);
  }

  private classify(code: number): number {
    const character = String.fromCodePoint(code);
    const replacement = this.transform(new TextEncoder().encode(character));
    if (replacement !== undefined) this.replacements.set(code, replacement);
    const mapped = replacement !== undefined;
    const joins = JOINING.test(character);
    const kind = joins ? (mapped ? JOINS_AND_MAPPED : JOINS) : mapped ? MAPPED : PLAIN;
    if (code < 0x10000) this.classes[code] = kind;
    else this.astral.set(code, kind);
    return kind;
  }

  /** What the shortest known beginning of `bytes` is replaced by. */
  private transform(bytes: Uint8Array): string | undefined {
    const at = this.trie.shortestPrefix(bytes);
    if (at < 0 || at > this.pool.length) return undefined;
    const end = this.pool.indexOf(0, at);
    return new TextDecoder().decode(this.pool.subarray(at, end < 0 ? this.pool.length : end));
  }
}

/** UTF-16 units of a character. */
function width(code: number): number {
  return code < 0x10000 ? 1 : 2;
}

function utf8Length(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}
