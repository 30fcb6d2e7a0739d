import { SternaError } from '../errors.ts';

/** A value in a JSON file together with where it is, for messages. */
export class JsonPlace {
  /** @param path - such as `tokenizer.json: model.vocab`. */
  constructor(
    readonly value: unknown,
    readonly path: string,
  ) {}

  /** Whether there is nothing, or null. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** A field of an object; absent where there is none. */
  field(name: string): JsonPlace {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      this.fail('an object');
    const path = this.path.endsWith(':') ? `${this.path} ${name}` : `${this.path}.${name}`;
    return new JsonPlace(
      Object.hasOwn(this.value, name) ? (this.value as Record<string, unknown>)[name] : undefined,
      path,
    );
  }

  /** The items of a list. */
  list(): JsonPlace[] {
    return this.array().map((item, i) => new JsonPlace(item, `${this.path}[${i}]`));
  }

  /** The list itself, where a place for each item would be too much. */
  array(): unknown[] {
    if (!Array.isArray(this.value)) this.fail('a list');
    return this.value;
  }

  string(fallback?: string): string {
    const value = this.isAbsent ? fallback : this.value;
    if (typeof value !== 'string') this.fail('a string');
    return value;
  }

  boolean(fallback?: boolean): boolean {
    const value = this.isAbsent ? fallback : this.value;
    if (typeof value !== 'boolean') this.fail('true or false');
    return value;
  }

  /** A whole number from 0 on. */
  index(): number {
    const { value } = this;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) this.fail('a whole number');
    return value;
  }

  /** @throws SternaError `corrupt-file`: the value is not what the format has here. */
  fail(needed: string): never {
    throw new SternaError('corrupt-file', `${this.path} is ${this.describe()}; needed: ${needed}.`);
  }

  /** @throws SternaError `unsupported-model`: the value may be right, and is not for this library. */
  refuse(needed: string): never {
    throw new SternaError('unsupported-model', `${this.path} is ${this.describe()}; needed: ${needed}.`);
  }

  private describe(): string {
    const text = this.value === undefined ? 'absent' : JSON.stringify(this.value);
    return text.length > 80 ? `${text.slice(0, 77)}…` : text;
  }
}
