import { readFile } from 'node:fs/promises';
import { Tokenizer } from '../../text/tokenizer.ts';
import { idOf, JsonLinesWriter, readJsonLines, textOf, UsageError } from '../json-lines.ts';

/** What `sterna tokenize` was told. */
export interface TokenizeCommand {
  /** Path of a tokenizer.json. */
  readonly tokenizer: string;
  readonly input: string;
  readonly output: string;
}

/** `{"id","text"}` a line → `{"id","ids","offsets"}` a line; offsets are UTF-16 ranges, one pair a token. */
export async function tokenize({ tokenizer: path, input, output }: TokenizeCommand): Promise<number> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UsageError(`${path} cannot be read: ${error.message}`);
  });
  const tokenizer = Tokenizer.fromJSON(bytes, path);
  const writer = new JsonLinesWriter(output);
  let done = 0;
  try {
    for await (const line of readJsonLines(input)) {
      const { ids, offsets } = tokenizer.encode(textOf(line));
      const pairs = Array.from(ids, (_, token) => [offsets[2 * token], offsets[2 * token + 1]]);
      await writer.write({ id: idOf(line), ids: Array.from(ids), offsets: pairs });
      done++;
    }
  } finally {
    await writer.close();
  }
  return done;
}
