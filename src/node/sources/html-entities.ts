import { decodeWindows1252 } from './windows-1252.ts';

/** Names of the characters from U+00A0 to U+00FF. */
const LATIN =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest ' +
  'Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig ' +
  'agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml';

/** Others that texts have: a name, a blank, its character. */
const OTHERS =
  'amp &|lt <|gt >|quot "|apos \'|hellip …|ndash –|mdash —|lsquo ‘|rsquo ’|sbquo ‚|ldquo “|rdquo ”|bdquo „|lsaquo ‹|rsaquo ›|bull •|trade ™|euro €|larr ←|uarr ↑|rarr →|darr ↓|' +
  'minus −|le ≤|ge ≥|ne ≠|asymp ≈|infin ∞|radic √|sum ∑|permil ‰|prime ′|Prime ″|dagger †|Dagger ‡|OElig Œ|oelig œ|Scaron Š|scaron š|Yuml Ÿ|fnof ƒ|' +
  'ensp \u2002|emsp \u2003|thinsp \u2009|zwnj \u200c|zwj \u200d|lrm \u200e|rlm \u200f';

const NAMED = new Map<string, string>([
  ...LATIN.split(' ').map((name, i) => [name, String.fromCharCode(0xa0 + i)] as const),
  ...OTHERS.split('|').map(
    (pair) => [pair.slice(0, pair.indexOf(' ')), pair.slice(pair.indexOf(' ') + 1)] as const,
  ),
]);

const REFERENCE = /&(?:#(\d{1,8});?|#[xX]([0-9a-fA-F]{1,7});?|([a-zA-Z][a-zA-Z0-9]{1,31});)/g;

/** A text with its character references in place of `&eacute;`, `&#233;` and the like. Names that are rare, as those of mathematics, stay as they are. */
export function decodeEntities(text: string): string {
  return text.replace(REFERENCE, (whole, decimal?: string, hexadecimal?: string, name?: string) => {
    if (name !== undefined) return NAMED.get(name) ?? whole;
    return characterOf(decimal === undefined ? Number.parseInt(hexadecimal!, 16) : Number(decimal));
  });
}

function characterOf(code: number): string {
  // Pages number their quotes and dashes as Windows does.
  if (code >= 0x80 && code < 0xa0) return decodeWindows1252(Uint8Array.of(code));
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
  return isCharacter ? String.fromCodePoint(code) : '\ufffd';
}
