import { SternaError } from '../errors.ts';
import { AddedTokens, slice } from './added-tokens.ts';
import { type AlignedText, originalEnd, originalStart } from './aligned-text.ts';
import type { JsonPlace } from './json-place.ts';
import { type Normalizer, readNormalizer } from './normalizer.ts';
import { type PostProcessor, readPostProcessor, type Template } from './post-processor.ts';
import { META, type PreTokenizer, readPreTokenizer } from './pre-tokenizer.ts';
import { readTokenizerJson } from './tokenizer-json.ts';
import { Unigram } from './unigram.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A text as the model reads it. */
export interface Encoding {
  /** `[tokens]` token ids. */
  readonly ids: Uint32Array;
  /**
   * `[tokens, 2]` the UTF-16 range of the original text that each token came from. The ▁ of a word came from nowhere, so
   * a token that is nothing else has an empty range where the word begins; tokens that the template puts around
   * texts have 0, 0.
   */
  readonly offsets: Uint32Array;
  /** Whether tokens were left out at the end to stay within `maxTokens`. */
  readonly truncated: boolean;
}

/** How to encode. */
export interface EncodeOptions {
  /** Most tokens, special ones included. Default: no limit; what the file says about truncation is ignored. */
  maxTokens?: number;
  /** Whether a special token's name in the text means that token (default) or just its characters. */
  specialTokens?: 'parse' | 'text';
  /** Whether `<s>` and `</s>` are put around the text. Default: true. */
  addSpecialTokens?: boolean;
  /** A second text, for models that compare two. The longer one is cut first. */
  pair?: string;
}

/**
 * The tokenizer of XLM-RoBERTa and its kin, from a Hugging Face `tokenizer.json`: character map, added tokens, words,
 * Unigram pieces, template. It gives the ids that the Rust library `tokenizers` gives.
 */
export class Tokenizer {
  private readonly normalizer: Normalizer;
  private readonly preTokenizer: PreTokenizer;
  private readonly model: Unigram;
  private readonly added: AddedTokens;
  private readonly postProcessor: PostProcessor;
  /** `[vocabulary]` 1 for special tokens, which plain text must not be taken for. */
  private readonly special: Uint8Array;
  /** Used again by each call. */
  private readonly lists = { a: new TokenList(), b: new TokenList() };

  private constructor(json: JsonPlace, vocabulary?: Vocabulary) {
    this.model = new Unigram(json.field('model'), vocabulary);
    this.normalizer = readNormalizer(json.field('normalizer'));
    this.preTokenizer = readPreTokenizer(json.field('pre_tokenizer'));
    this.added = new AddedTokens(json.field('added_tokens'), this.normalizer);
    this.postProcessor = readPostProcessor(json.field('post_processor'));
    this.special = new Uint8Array(this.model.vocabulary.size);
    for (const { id, special } of this.added.tokens) if (special) this.special[id] = 1;
  }

  /**
   * Reads a tokenizer.json.
   *
   * @param source - the file's bytes or text, or the parsed object.
   * @param file - its name, for messages.
   * @throws SternaError `corrupt-file` where the file is damaged, `unsupported-model` where it is a tokenizer of another
   *   kind. Both name the field, what was found and what was needed.
   */
  static fromJSON(source: Uint8Array | string | object, file = 'tokenizer.json'): Tokenizer {
    const { json, scanned } = readTokenizerJson(source, file);
    return new Tokenizer(json, scanned);
  }

  /** From the fields of a tokenizer.json, and its vocabulary where that was read in another way. */
  static fromParts(json: JsonPlace, vocabulary: Vocabulary): Tokenizer {
    return new Tokenizer(json, vocabulary);
  }

  /** Number of tokens, added ones included. */
  get vocabularySize(): number {
    return this.added.tokens.reduce((size, { id }) => Math.max(size, id + 1), this.model.vocabulary.size);
  }

  /** Id of the token for unknown characters. */
  get unknownId(): number {
    return this.model.unknownId;
  }

  /** The token of an id. */
  tokenOf(id: number): string | undefined {
    return this.added.tokens.find((token) => token.id === id)?.content ?? this.model.vocabulary.piece(id);
  }

  /** The id of a token. */
  idOf(token: string): number | undefined {
    return this.added.tokens.find(({ content }) => content === token)?.id ?? this.model.idOf(token);
  }

  /**
   * Encodes a text. Every string has an encoding: lone surrogates are read as U+FFFD, and an empty text is its
   * special tokens alone.
   *
   * @throws SternaError `invalid-input` where `maxTokens` leaves no room for the special tokens.
   */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const {
      maxTokens = Number.POSITIVE_INFINITY,
      specialTokens = 'parse',
      addSpecialTokens = true,
      pair,
    } = options;
    const whole = pair === undefined ? this.postProcessor.single : this.postProcessor.pair;
    const template = addSpecialTokens ? whole : whole.filter((item) => typeof item === 'string');
    const around = template.filter((item) => typeof item === 'number').length;
    if (!(maxTokens >= around) || (maxTokens !== Number.POSITIVE_INFINITY && !Number.isInteger(maxTokens))) {
      throw new SternaError(
        'invalid-input',
        `maxTokens is ${maxTokens}; needed: a whole number of at least ${around}.`,
      );
    }
    const room = maxTokens - around;
    const { a, b } = this.lists;
    // Which of two texts is longer decides how they share an odd room, so both are read to their ends.
    const enough = pair === undefined ? room : Number.POSITIVE_INFINITY;
    this.tokenise(text, specialTokens === 'parse', enough, a);
    this.tokenise(pair ?? '', specialTokens === 'parse', enough, b);
    const [roomA, roomB] = share(a.length, b.length, room);
    return assemble(template, { A: [a, Math.min(roomA, a.length)], B: [b, Math.min(roomB, b.length)] });
  }

  /** Number of tokens of a text. Takes the options of {@link encode}. */
  count(text: string, options: EncodeOptions = {}): number {
    return this.encode(text, options).ids.length;
  }

  /** Fills a list with the tokens of a text; once there are more than `room`, the rest is left out. */
  private tokenise(original: string, parseSpecial: boolean, room: number, tokens: TokenList): void {
    // With the flag u, a surrogate is found only where it is alone.
    const text = original.replace(/\p{Surrogate}/gu, '\ufffd');
    tokens.length = 0;
    for (const { id, start, end } of this.added.split(text, parseSpecial)) {
      if (tokens.length > room) break;
      if (id !== undefined) tokens.push(id, start, end);
      else this.tokeniseSegment(slice({ text }, start, end), parseSpecial, room, tokens);
    }
  }

  private tokeniseSegment(
    segment: AlignedText,
    parseSpecial: boolean,
    room: number,
    tokens: TokenList,
  ): void {
    const normalized = this.normalizer.normalize(segment);
    const banned = parseSpecial ? undefined : this.special;
    for (const { id, start, end } of this.added.splitNormalized(normalized, parseSpecial)) {
      if (id !== undefined) {
        tokens.push(id, originalStart(normalized, start), originalEnd(normalized, end - 1));
        continue;
      }
      const part = slice(normalized, start, end);
      let beginning = 0;
      while (beginning < part.text.length && originalStart(part, beginning) === 0) beginning++;
      this.preTokenizer.words(part.text, beginning, (first, last, prepend) => {
        // A ▁ that was put in front, or that stands for a space, came from no character of the word.
        const shift = first - (prepend ? 1 : 0);
        const inner = prepend || isMeta(part.text.charCodeAt(first)) ? shift + 1 : shift;
        this.model.tokenize(part.text, first, last, prepend, banned, (piece, from, to) => {
          const begin = originalStart(part, Math.max(shift + from, inner));
          tokens.push(piece, begin, shift + to > inner ? originalEnd(part, shift + to - 1) : begin);
        });
        return tokens.length <= room;
      });
    }
  }
}

/** Tokens with their ranges, growing. */
class TokenList {
  length = 0;
  ids = new Uint32Array(32);
  offsets = new Uint32Array(64);

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.grow();
    this.ids[this.length] = id;
    this.offsets[2 * this.length] = start;
    this.offsets[2 * this.length + 1] = end;
    this.length++;
  }

  private grow(): void {
    const { ids, offsets } = this;
    this.ids = new Uint32Array(2 * ids.length);
    this.ids.set(ids);
    this.offsets = new Uint32Array(2 * offsets.length);
    this.offsets.set(offsets);
  }
}

/** Puts sequences into a template, as many tokens of each as are allowed. */
function assemble(
  template: Template,
  sequences: Record<'A' | 'B', [tokens: TokenList, count: number]>,
): Encoding {
  const lengths = template.map((item) => (typeof item === 'number' ? 1 : sequences[item][1]));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const ids = new Uint32Array(total);
  const offsets = new Uint32Array(2 * total);
  let at = 0;
  for (const [i, item] of template.entries()) {
    if (typeof item === 'number') ids[at] = item;
    else {
      const [tokens, count] = sequences[item];
      ids.set(tokens.ids.subarray(0, count), at);
      offsets.set(tokens.offsets.subarray(0, 2 * count), 2 * at);
    }
    at += lengths[i];
  }
  const truncated = Object.values(sequences).some(([tokens, count]) => count < tokens.length);
  return { ids, offsets, truncated };
}

/** How many tokens of two sequences fit: the longer one gives way until both are equal; of equal ones, the first. */
function share(a: number, b: number, room: number): [number, number] {
  if (a + b <= room) return [a, b];
  const half = Math.floor(room / 2);
  if (a <= half) return [a, room - a];
  if (b <= half) return [room - b, b];
  return a <= b ? [half, room - half] : [room - half, half];
}

function isMeta(unit: number): boolean {
  return unit === 0x20 || unit === META;
}
