/** A complete tokenizer.json in the form of XLM-R's whose ids are all below a given number. */

const SPECIAL = ['<s>', '<pad>', '</s>', '<unk>'];

/** @param {number} vocabulary - rows of the word table; at least 120. */
export function smallTokenizer(vocabulary) {
  const pieces = piecesOf(vocabulary - SPECIAL.length - 1);
  const mask = SPECIAL.length + pieces.length;
  const added = [...SPECIAL.map((content, id) => ({ id, content })), { id: mask, content: '<mask>' }];
  const part = (id) => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id) => ({ Sequence: { id, type_id: 0 } });
  const special = (content, id) => [content, { id: content, ids: [id], tokens: [content] }];
  return {
    version: '1.0',
    // Published files carry these two; whoever reads them has lengths of its own.
    truncation: { direction: 'Right', max_length: 512, strategy: 'LongestFirst', stride: 0 },
    padding: {
      strategy: 'BatchLongest',
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 1,
      pad_type_id: 0,
      pad_token: '<pad>',
    },
    added_tokens: added.map((token) => ({
      ...token,
      single_word: false,
      lstrip: token.content === '<mask>',
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [part('<s>'), text('A'), part('</s>')],
      pair: [part('<s>'), text('A'), part('</s>'), part('</s>'), text('B'), part('</s>')],
      special_tokens: Object.fromEntries([special('<s>', 0), special('</s>', 2)]),
    },
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    model: {
      type: 'Unigram',
      unk_id: 3,
      vocab: [...SPECIAL.map((piece) => [piece, 0]), ...pieces, ['<mask>', 0]],
      byte_fallback: false,
    },
  };
}

/** So many pieces with their log probabilities: letters first, then beginnings of words and pairs of letters. */
function piecesOf(count) {
  const letters = [...'etaoinsrhldcumfpgwybvkxjqz'];
  const others = [..."0123456789ETAOINSRHLDCUMFPGWYBVKXJQZ.,;:!?'-()äöüßéèàç"];
  const all = ['▁', ...letters, ...others, ...letters.map((letter) => `▁${letter}`)];
  const first = ['', '▁'];
  for (const start of first) for (const a of letters) for (const b of letters) all.push(`${start}${a}${b}`);
  return all.slice(0, count).map((piece, rank) => [piece, -2 - rank / 100]);
}
