import { Tokenizer } from '../tokenizer.ts';

/** An added token as a tokenizer.json has it; whatever is not said is false. */
export interface SmallAddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly normalized?: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

/** What to change of {@link smallTokenizerJson}. */
export interface SmallTokenizer {
  /** Pieces behind `<s> <pad> </s> <unk>`, with their log probabilities. */
  readonly pieces?: Readonly<Record<string, number>>;
  readonly added?: readonly SmallAddedToken[];
  readonly normalizer?: unknown;
  readonly preTokenizer?: unknown;
  readonly postProcessor?: unknown;
}

const SPECIAL = ['<s>', '<pad>', '</s>', '<unk>'];

/** Letters, some pairs of them, and ▁: enough to cut any text of a, b, c. */
const PIECES = { '▁': -2, a: -3, b: -3, c: -3, ab: -4, bc: -5, '▁a': -4, '▁ab': -5, abc: -6 };

/** A complete tokenizer.json in the form of XLM-R's, with a vocabulary that fits on a line. */
export function smallTokenizerJson({
  pieces = PIECES,
  added = [],
  normalizer = null,
  preTokenizer = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  postProcessor = { type: 'RobertaProcessing', cls: ['<s>', 0], sep: ['</s>', 2] },
}: SmallTokenizer = {}) {
  const special = SPECIAL.map((content, id) => ({ id, content, special: true, normalized: false }));
  return {
    version: '1.0',
    added_tokens: [...special, ...added],
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: postProcessor,
    model: {
      type: 'Unigram',
      unk_id: 3,
      vocab: [...SPECIAL.map((piece) => [piece, 0]), ...Object.entries(pieces)],
      byte_fallback: false,
    },
  };
}

/** A tokenizer of {@link smallTokenizerJson}. */
export function smallTokenizer(changes: SmallTokenizer = {}): Tokenizer {
  return Tokenizer.fromJSON(smallTokenizerJson(changes));
}

/** The tokens of a text as words, without the special ones around it. */
export function tokensOf(tokenizer: Tokenizer, text: string, specialTokens?: 'parse' | 'text'): string[] {
  const { ids } = tokenizer.encode(text, { addSpecialTokens: false, specialTokens });
  return Array.from(ids, (id) => tokenizer.tokenOf(id)!);
}
