/** A text as the source of the regular expression (with the flag `u`) that finds it. */
export function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/**
 * Whether a regular expression means the same in JavaScript as in Oniguruma, which the reference uses: characters that
 * stand for themselves, quantifiers, groups, alternatives, and plain sets of characters. Elsewhere the two differ
 * quietly: in what `.`, `^`, `$`, `\s` and `\w` match, in `[[:alpha:]]` and `[a&&b]`, in `a{2}+`.
 */
export function isPortable(pattern: string): boolean {
  const withoutSets = pattern.replace(/\[\^?[^\\[\]&^]+\]/gu, 'x');
  return !/[\\.^$[\]]|\(\?|[*+?}][*+?{]/u.test(withoutSets);
}
