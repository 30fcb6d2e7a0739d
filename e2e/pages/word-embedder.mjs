/** How many words there are, numbered from 1; 0 is the unknown one. */
const TERMS = 2 ** 20;

/** FNV-1a, with its bits mixed once more: neighbours among words are to have nothing in common. */
function hash(text, seed) {
  let value = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return (value ^ (value >>> 15)) >>> 0;
}

const wordsOf = (text) => [...text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)];

/**
 * An embedder that needs no model: the vector of a text is the sum of one random vector of signs for each of its words, so a text is found by its words. The
 * same in every page.
 *
 * @param revision - a number; another one is another space.
 */
export function wordEmbedder({ revision = 1, dimensions = 64 } = {}) {
  function vectorOf(text) {
    const values = new Float32Array(dimensions);
    for (const [word] of wordsOf(text)) {
      let signs = 0;
      for (let i = 0; i < dimensions; i++) {
        if (i % 32 === 0) signs = hash(`${word} ${i}`, revision);
        values[i] += (signs >>> (i % 32)) & 1 ? 1 : -1;
      }
    }
    const length = Math.hypot(...values);
    if (length === 0) values[0] = 1;
    return length === 0 ? values : values.map((value) => value / length);
  }

  function passagesOf(text, maxTokens) {
    const words = wordsOf(text);
    const passages = [];
    for (let at = 0; at < words.length; at += maxTokens) {
      const last = words[Math.min(at + maxTokens, words.length) - 1];
      const [start, end] = [words[at].index, last.index + last[0].length];
      passages.push({ text: text.slice(start, end), start, end, tokenCount: maxTokens });
    }
    return passages;
  }

  function tokensOf(text) {
    const words = wordsOf(text);
    const ids = Uint32Array.from(words, ([word]) => 1 + (hash(word, 0) % TERMS));
    return {
      ids,
      offsets: Uint32Array.from(words.flatMap(({ 0: word, index }) => [index, index + word.length])),
    };
  }

  const space = {
    id: `words@${revision}/${dimensions}`,
    model: 'words',
    revision: String(revision),
    dimensions,
  };
  return {
    chunk: async (texts, { maxTokens }) => texts.map((text) => passagesOf(text, maxTokens)),
    embed: async (texts) => ({ embeddings: texts.map((text) => ({ values: vectorOf(text) })), space }),
    tokenize: async (texts) => ({ unknownId: 0, texts: texts.map(tokensOf) }),
  };
}
