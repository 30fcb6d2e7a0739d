/** Different values in ascending order. */
export interface SortedValues<T> {
  readonly length: number;
  /** Whether they are what a writer writes. */
  isSound(): boolean;
  /** Negative, 0 or positive where value `i` is less, equal or greater. */
  compare(i: number, other: T): number;
}

export class SortedNumbers implements SortedValues<number> {
  readonly length: number;

  constructor(private readonly values: Float64Array) {
    this.length = values.length;
  }

  isSound(): boolean {
    const { values } = this;
    for (let i = 1; i < values.length; i++) if (!(values[i - 1] < values[i])) return false;
    return values.length === 0 || !Number.isNaN(values[0]);
  }

  compare(i: number, other: number): number {
    // Not the difference: that of two infinities is NaN.
    if (this.values[i] === other) return 0;
    return this.values[i] < other ? -1 : 1;
  }
}

/** Strings by their UTF-16 code units, which is the order of JavaScript. */
export class SortedTexts implements SortedValues<string> {
  readonly length: number;

  constructor(
    private readonly starts: Uint32Array,
    private readonly units: Uint16Array,
  ) {
    this.length = starts.length - 1;
  }

  isSound(): boolean {
    const { starts, units, length } = this;
    if (starts[0] !== 0 || starts[length] !== units.length) return false;
    for (let i = 0; i < length; i++) if (starts[i] > starts[i + 1]) return false;
    for (let i = 1; i < length; i++) if (!this.isAscendingAt(i)) return false;
    return true;
  }

  compare(i: number, other: string): number {
    const { starts, units } = this;
    const start = starts[i];
    const length = starts[i + 1] - start;
    for (let unit = 0; unit < length && unit < other.length; unit++) {
      const difference = units[start + unit] - other.charCodeAt(unit);
      if (difference !== 0) return difference;
    }
    return length - other.length;
  }

  private isAscendingAt(i: number): boolean {
    const { starts, units } = this;
    const before = starts[i - 1];
    const start = starts[i];
    const end = starts[i + 1];
    for (let unit = 0; before + unit < start && start + unit < end; unit++) {
      if (units[before + unit] !== units[start + unit]) return units[before + unit] < units[start + unit];
    }
    return start - before < end - start;
  }
}
