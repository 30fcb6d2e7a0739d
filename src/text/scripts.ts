/**
 * Scripts whose characters a text of another script need not bring along. Not among them: Latin, because names and addresses are written
 * in it everywhere, and what belongs to no script, such as digits, punctuation and emoji.
 */
const SCRIPTS = [
  ...['Han', 'Hangul', 'Hiragana', 'Katakana', 'Bopomofo', 'Arabic', 'Hebrew', 'Cyrillic', 'Greek'],
  ...['Armenian', 'Georgian', 'Ethiopic', 'Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya'],
  ...['Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala', 'Thai', 'Lao', 'Khmer', 'Myanmar', 'Tibetan'],
];

/** From this share of a text's characters on a script is one of the text's own, and no quotation. */
const LEAST_SHARE = 1 / 1000;

let patterns: ReadonlyMap<string, RegExp> | undefined;

/** The script of a character, or nothing where it is Latin's, or no script's or a rare one's. */
export function scriptOf(character: string): string | undefined {
  patterns ??= new Map(SCRIPTS.map((script) => [script, new RegExp(`^\\p{Script=${script}}`, 'u')]));
  if (character < '\u0250') return undefined;
  for (const [script, pattern] of patterns) if (pattern.test(character)) return script;
  return undefined;
}

/** Counts characters of texts. */
export class ScriptCounter {
  private readonly counts = new Map<string, number>();

  add(text: string): void {
    const { counts } = this;
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  }

  /** The scripts that the texts are written in. */
  scripts(): Set<string> {
    const byScript = new Map<string, number>();
    let total = 0;
    for (const [character, count] of this.counts) {
      total += count;
      const script = scriptOf(character);
      if (script) byScript.set(script, (byScript.get(script) ?? 0) + count);
    }
    return new Set(
      [...byScript].filter(([, count]) => count >= LEAST_SHARE * total).map(([script]) => script),
    );
  }
}
