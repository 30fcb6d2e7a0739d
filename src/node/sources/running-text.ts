/** Puts pieces together as a page shows them: one blank for many, line breaks where blocks begin and end. */
export class RunningText {
  private readonly pieces: string[] = [];
  private breaks = 0;
  private hasBlank = false;

  /** Adds text; with `verbatim`, blanks and lines as they are. */
  add(text: string, verbatim = false): void {
    if (verbatim) this.push(text, false, false);
    else this.addFlowing(text.replace(/[ \t\n\f\r]+/g, ' '));
  }

  /** Ends the line; with `count` 2, the paragraph. */
  break(count: 1 | 2): void {
    this.breaks = Math.max(this.breaks, count);
  }

  toString(): string {
    return this.pieces.join('').trim();
  }

  private addFlowing(text: string): void {
    const words = text.replace(/^ | $/g, '');
    if (words === '') this.hasBlank ||= text !== '';
    else this.push(words, text.startsWith(' '), text.endsWith(' '));
  }

  private push(words: string, hasBlankBefore: boolean, hasBlankAfter: boolean): void {
    if (words === '') return;
    if (this.breaks > 0) this.pieces.push('\n'.repeat(this.breaks));
    else if (this.hasBlank || hasBlankBefore) this.pieces.push(' ');
    this.pieces.push(words);
    this.breaks = 0;
    this.hasBlank = hasBlankAfter;
  }
}
