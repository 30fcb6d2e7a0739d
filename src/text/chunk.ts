/** A part of a document that is embedded on its own. */
export interface Passage {
  /** The words: `document.slice(start, end)`. */
  readonly text: string;
  /** UTF-16 range in the document. */
  readonly start: number;
  readonly end: number;
  /** Tokens, special ones not counted. */
  readonly tokenCount: number;
}

/** How to cut. */
export interface ChunkOptions {
  /** Most tokens of a passage. */
  readonly maxTokens: number;
  /** Language of the text, where it is known: sentence ends differ a little. */
  readonly locale?: string;
}

/** A stretch of the text without white space around it. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts a text into passages of whole sentences, as many as fit. A sentence that is too long is cut between words, a word
 * that is too long between tokens. An empty line ends a passage that is at least half full, so that passages tend to
 * be paragraphs. Each character that is not white space is in exactly one passage, and no passage has more tokens than
 * it may but where one character, or several that tokens hold together, has more.
 *
 * @param offsets - `[tokens, 2]` UTF-16 ranges of the text's tokens, special ones left out.
 * @returns the passages in order; none for a text without words.
 */
export function chunk(text: string, offsets: Uint32Array, { maxTokens, locale }: ChunkOptions): Passage[] {
  const counter = new TokenCounter(offsets);
  const spans = [...atoms(text, counter, maxTokens, locale)];
  const passages: Passage[] = [];
  let first = 0;
  while (first < spans.length) {
    const { start } = spans[first];
    let last = first;
    while (last + 1 < spans.length) {
      if (counter.count(start, spans[last + 1].end) > maxTokens) break;
      const gap = text.slice(spans[last].end, spans[last + 1].start);
      if (isEmptyLine(gap) && 2 * counter.count(start, spans[last].end) >= maxTokens) break;
      last++;
    }
    const { end } = spans[last];
    passages.push({ text: text.slice(start, end), start, end, tokenCount: counter.count(start, end) });
    first = last + 1;
  }
  return passages;
}

/** The sentences of a text; where one is too long, its words; where one of these is too long, its tokens. */
function* atoms(text: string, counter: TokenCounter, maxTokens: number, locale?: string): Generator<Span> {
  const words = new Intl.Segmenter(locale, { granularity: 'word' });
  for (const sentence of segments(text, 0, new Intl.Segmenter(locale, { granularity: 'sentence' }))) {
    if (counter.count(sentence.start, sentence.end) <= maxTokens) {
      yield sentence;
      continue;
    }
    for (const word of segments(text.slice(sentence.start, sentence.end), sentence.start, words)) {
      if (counter.count(word.start, word.end) <= maxTokens) yield word;
      else yield* counter.pieces(word, maxTokens);
    }
  }
}

function* segments(text: string, offset: number, segmenter: Intl.Segmenter): Generator<Span> {
  for (const { segment, index } of segmenter.segment(text)) {
    const leading = segment.length - segment.trimStart().length;
    const length = segment.trim().length;
    if (length > 0) yield { start: offset + index + leading, end: offset + index + leading + length };
  }
}

function isEmptyLine(gap: string): boolean {
  return /\n\s*\n|\r\s*\r|\u2029/.test(gap);
}

/** Counts the tokens of ranges. */
class TokenCounter {
  constructor(private readonly offsets: Uint32Array) {}

  /** Tokens that begin in `start` … `end`. A token over a boundary counts where it begins, so it counts once. */
  count(start: number, end: number): number {
    return this.firstFrom(end) - this.firstFrom(start);
  }

  /** Cuts a span into pieces of at most `most` tokens, between tokens that share no character. */
  *pieces({ start, end }: Span, most: number): Generator<Span> {
    let from = start;
    let token = this.firstFrom(start);
    const behind = this.firstFrom(end);
    while (behind - token > most) {
      let next = token + most;
      // Several tokens may come from one character; it is not cut in two.
      while (next > token && this.beginOf(next) <= this.lastOf(next - 1)) next--;
      if (next === token && this.beginOf(token) === from) {
        // The first character alone has too many.
        do next++;
        while (next < behind && this.beginOf(next) <= this.lastOf(next - 1));
      }
      if (next >= behind) break;
      yield { start: from, end: this.beginOf(next) };
      from = this.beginOf(next);
      token = next;
    }
    if (from < end) yield { start: from, end };
  }

  /** The first token that begins at `place` or later. Tokens begin in order. */
  private firstFrom(place: number): number {
    let low = 0;
    let high = this.offsets.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.offsets[2 * middle] < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private beginOf(token: number): number {
    return this.offsets[2 * token];
  }

  /** The last unit of a token. */
  private lastOf(token: number): number {
    return Math.max(this.offsets[2 * token], this.offsets[2 * token + 1] - 1);
  }
}
