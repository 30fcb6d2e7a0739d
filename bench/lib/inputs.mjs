/** What the benches embed. */
import { readFileSync } from 'node:fs';

/** Seeded numbers in 0 … 1. */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

/** Token ids of a shape such as `8x128`; of `ragged`, 64 texts of 8 to 128 tokens. */
export function tokenIds(shape) {
  const next = random(7);
  const text = (length) => Array.from({ length }, () => 5 + Math.floor(next() * 900));
  if (shape === 'ragged') return Array.from({ length: 64 }, () => text(8 + Math.floor(next() * 121)));
  const [count, length] = shape.split('x').map(Number);
  return Array.from({ length: count }, () => text(length));
}

/** Texts in many languages, of about 8 to 128 tokens: sentences of the demo, some of them together. */
export function raggedTexts(count) {
  const corpus = JSON.parse(readFileSync(new URL('../../demo/corpus/corpus.json', import.meta.url), 'utf8'));
  const next = random(11);
  let at = 0;
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + Math.floor(next() * 6) }, () => corpus[at++ % corpus.length].text).join(' '),
  );
}
