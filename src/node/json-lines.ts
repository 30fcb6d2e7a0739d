import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';

/** What is wrong with a command or its input: told in one line, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One object of an input, and where it was. */
export interface InputLine {
  readonly value: Record<string, unknown>;
  /** File and line number, for messages. */
  readonly place: string;
}

/**
 * Reads JSON objects, one a line; blank lines are passed over.
 *
 * @param path - a file, or `-` for standard input.
 * @throws UsageError that names the line.
 */
export async function* readJsonLines(path: string): AsyncGenerator<InputLine> {
  const input = path === '-' ? process.stdin : createReadStream(path);
  // Reading starts at once, so a missing file must not end the process before the loop below is there to hear of it.
  const failed = new Promise<never>((_, reject) => {
    input.once('error', (error) => reject(new UsageError(`${path} cannot be read: ${error.message}`)));
  });
  failed.catch(() => {});
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  for (let number = 1; ; number++) {
    const { done, value: line } = await Promise.race([lines.next(), failed]);
    if (done) {
      await Promise.race([failed, Promise.resolve()]);
      return;
    }
    if (line.trim() === '') continue;
    const place = `${path === '-' ? 'standard input' : path}, line ${number}`;
    yield { value: parseObject(line, place), place };
  }
}

function parseObject(line: string, place: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new UsageError(`${place}: not JSON (${(error as Error).message})`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new UsageError(`${place}: ${line.slice(0, 40)} is not an object; needed: {"id": …, "text": …}`);
}

/** An id is kept as it is; any string or number will do. */
export function idOf({ value, place }: InputLine): string | number {
  const { id } = value;
  if (typeof id === 'string' || typeof id === 'number') return id;
  throw new UsageError(`${place}: "id" is ${JSON.stringify(id) ?? 'missing'}; needed: a string or a number`);
}

export function textOf({ value, place }: InputLine): string {
  if (typeof value.text === 'string') return value.text;
  throw new UsageError(
    `${place}: "text" is ${JSON.stringify(value.text)?.slice(0, 40) ?? 'missing'}; needed: a string`,
  );
}

/** Writes JSON objects, one a line, no faster than they are taken. */
export class JsonLinesWriter {
  private readonly output: Writable;
  private failure: Error | undefined;

  /** @param path - a file, which is replaced, or `-` for standard output. */
  constructor(private readonly path: string) {
    this.output = path === '-' ? process.stdout : createWriteStream(path);
    this.output.on('error', (error) => {
      this.failure = error;
    });
  }

  async write(value: unknown): Promise<void> {
    this.check();
    if (!this.output.write(`${JSON.stringify(value)}\n`))
      await once(this.output, 'drain').catch(() => this.check());
  }

  /** Waits until everything is written. */
  async close(): Promise<void> {
    if (this.path !== '-') await new Promise<void>((resolve) => this.output.end(() => resolve()));
    this.check();
  }

  private check(): void {
    if (this.failure) throw new UsageError(`${this.path} cannot be written: ${this.failure.message}`);
  }
}
