/** A text that was rewritten, with the place in the original that each UTF-16 unit came from. */
export interface AlignedText {
  readonly text: string;
  /** `[units]` first original unit; absent where the text is the original. */
  readonly from?: Uint32Array;
  /** `[units]` end of the original units. */
  readonly to?: Uint32Array;
}

/** Original place where unit `i` begins; the end of the original for the end of the text. */
export function originalStart({ text, from, to }: AlignedText, i: number): number {
  if (!from || !to) return i;
  return i < text.length ? from[i] : (to[text.length - 1] ?? 0);
}

/** Original place where unit `i` ends. */
export function originalEnd({ to }: AlignedText, i: number): number {
  return to ? to[i] : i + 1;
}

const NOTHING = new Uint32Array(0);

/** Makes an aligned text from another one, from left to right, by keeping some ranges and replacing others. */
export class Rewriter {
  private readonly parts: string[] = [];
  // Made by the first replacement: most texts need none.
  private from = NOTHING;
  private to = NOTHING;
  private length = 0;
  private kept = 0;

  constructor(private readonly source: AlignedText) {}

  /** Puts `content` in the place of units `start` … `end`; what lies before and was not replaced is kept. */
  replace(start: number, end: number, content: string): void {
    this.keepUntil(start);
    this.kept = end;
    this.reserve(content.length);
    const first = originalStart(this.source, start);
    const last = end > start ? originalEnd(this.source, end - 1) : first;
    for (let i = 0; i < content.length; i++) {
      this.from[this.length] = first;
      this.to[this.length++] = last;
    }
    this.parts.push(content);
  }

  finish(): AlignedText {
    if (this.parts.length === 0 && this.kept === 0) return this.source;
    this.keepUntil(this.source.text.length);
    return {
      text: this.parts.join(''),
      from: this.from.subarray(0, this.length),
      to: this.to.subarray(0, this.length),
    };
  }

  private keepUntil(end: number): void {
    if (end === this.kept) return;
    this.reserve(end - this.kept);
    for (let i = this.kept; i < end; i++) {
      this.from[this.length] = originalStart(this.source, i);
      this.to[this.length++] = originalEnd(this.source, i);
    }
    this.parts.push(this.source.text.slice(this.kept, end));
    this.kept = end;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.from.length) return;
    const capacity = Math.max(2 * (this.length + more), this.source.text.length + 16);
    const { from, to } = this;
    this.from = new Uint32Array(capacity);
    this.from.set(from);
    this.to = new Uint32Array(capacity);
    this.to.set(to);
  }
}
