/** Unicode's White_Space, which is neither JavaScript's `\s` (no U+0085, but U+FEFF) nor ASCII. All of it is in the BMP. */
export function isWhitespace(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  return (
    unit === 0x85 ||
    unit === 0xa0 ||
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}

/** Place of the first unit from `start` on that is not white space. */
export function skipWhitespace(text: string, start: number): number {
  let at = start;
  while (at < text.length && isWhitespace(text.charCodeAt(at))) at++;
  return at;
}

/** Where the white space that ends at `end` begins. */
export function skipWhitespaceBack(text: string, end: number): number {
  let at = end;
  while (at > 0 && isWhitespace(text.charCodeAt(at - 1))) at--;
  return at;
}
