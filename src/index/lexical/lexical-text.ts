/** What takes no part in words: everything but letters, digits, marks, pictures (emoji among them) and invisible joiners. */
const BETWEEN_WORDS = /[^\p{L}\p{N}\p{M}\p{So}\p{Cf}]+/gu;

/**
 * A text as it is read for its words: lower case, and every sign between words a space, so that `(Tern)` and `tern` have the same
 * pieces. Compatibility forms are left to the tokenizer's character map.
 *
 * @returns as many UTF-16 units as the text has, so that ranges in one are ranges in the other.
 */
export function lexicalText(text: string): string {
  // İ is the one character whose lower case has more units.
  return text
    .replaceAll('İ', 'i')
    .toLowerCase()
    .replace(BETWEEN_WORDS, (signs) => ' '.repeat(signs.length));
}
