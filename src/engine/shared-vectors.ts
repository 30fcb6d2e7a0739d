/** What was computed of a text. */
export interface ComputedText {
  /** `[hidden]`, neither cut nor normalised. */
  readonly pooled: Float32Array;
  readonly tokenCount: number;
  readonly truncated: boolean;
}

/**
 * Texts that calls under way are waiting for, by key: a text that several of them ask for, or one of them several times, is computed
 * once. It is kept until the last one has taken it.
 */
export class SharedVectors {
  private readonly entries = new Map<string, { waiting: number; text?: ComputedText }>();

  /** Announces that each of these will be taken, or given up. */
  expect(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.entries.get(key);
      if (entry) entry.waiting++;
      else this.entries.set(key, { waiting: 1 });
    }
  }

  has(key: string): boolean {
    return this.entries.get(key)?.text !== undefined;
  }

  /** @param key - one that somebody expects; otherwise it is not kept. */
  put(key: string, text: ComputedText): void {
    const entry = this.entries.get(key);
    if (entry) entry.text = text;
  }

  /** Takes one that was expected and is there. */
  take(key: string): ComputedText {
    const { text } = this.entries.get(key)!;
    this.giveUp([key]);
    return text!;
  }

  giveUp(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.entries.get(key)!;
      if (--entry.waiting === 0) this.entries.delete(key);
    }
  }

  /** Texts that somebody waits for. */
  get size(): number {
    return this.entries.size;
  }
}
