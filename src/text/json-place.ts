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

  /** The names of an object's fields. */
  names(): string[] {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      this.fail('an object');
    return Object.keys(this.value);
  }

  /** The items of a list. */
  list(): JsonPlace[] {
    return this.array().map((item, i) => new JsonPlace(item, `${this.path}[${i}]`));
  }

  /** One item of a list; absent where the list is shorter. */
  item(i: number): JsonPlace {
    return new JsonPlace(this.array()[i], `${this.path}[${i}]`);
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

  /** The id of a token: a whole number of 32 bits. */
  id(): number {
    const { value } = this;
    if (typeof value !== 'number' || value >>> 0 !== value) this.fail('a whole number from 0 to 4294967295');
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
    const { value } = this;
    if (value === undefined) return 'absent';
    if (Array.isArray(value)) return `a list of ${value.length}`;
    if (typeof value === 'object' && value !== null)
      return `an object with ${Object.keys(value).length} fields`;
    const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
    return text.length > 80 ? `${text.slice(0, 77)}…` : text;
  }
}
