import type { Task, TokenIds } from '../../types.ts';
import type { Embedder } from '../index.ts';
import { type InputLine, idOf, JsonLinesWriter, readJsonLines, textOf, UsageError } from '../json-lines.ts';

/** Lines embedded in one call: enough to fill micro-batches, few enough to stream. */
const GROUP = 256;

/** What `sterna embed` was told. */
export interface EmbedCommand {
  readonly input: string;
  readonly output: string;
  readonly task: Task;
  readonly dimensions?: number;
  /** Told of the lines done so far. */
  readonly onProgress: (lines: number) => void;
}

/**
 * `{"id","text"}` or `{"id","ids"}` a line → `{"id","embedding","tokens","truncated"}` a line, in input order. What stood
 * before a bad line is written all the same.
 */
export async function embed(embedder: Embedder, command: EmbedCommand): Promise<number> {
  const writer = new JsonLinesWriter(command.output);
  let done = 0;
  let group: InputLine[] = [];
  const flush = async () => {
    await embedGroup(embedder, command, group, writer);
    done += group.length;
    group = [];
    command.onProgress(done);
  };
  try {
    for await (const line of readJsonLines(command.input)) {
      inputOf(line);
      group.push(line);
      if (group.length === GROUP) await flush();
    }
  } catch (error) {
    await flush();
    await writer.close();
    throw error;
  }
  await flush();
  await writer.close();
  return done;
}

async function embedGroup(
  embedder: Embedder,
  { task, dimensions }: EmbedCommand,
  group: readonly InputLine[],
  writer: JsonLinesWriter,
): Promise<void> {
  const inputs = group.map(inputOf);
  const { embeddings } = await embedder.embed(inputs, { task, dimensions }).catch((error: Error) => {
    // The engine counts inputs from 0 within this call.
    const at = /^Input (\d+)/.exec(error.message)?.[1];
    throw at === undefined
      ? error
      : new UsageError(`${group[Number(at)].place}: ${error.message.replace(/^Input \d+:? ?/, '')}`);
  });
  for (const [i, { values, tokenCount, truncated }] of embeddings.entries()) {
    await writer.write({ id: idOf(group[i]), embedding: Array.from(values), tokens: tokenCount, truncated });
  }
}

/** The text or the token ids of a line. */
function inputOf(line: InputLine): string | TokenIds {
  idOf(line);
  const { ids, text } = line.value;
  if (ids === undefined) return textOf(line);
  if (text !== undefined)
    throw new UsageError(`${line.place}: has both "text" and "ids"; needed: one of them`);
  if (Array.isArray(ids) && ids.every((id) => Number.isInteger(id) && id >= 0)) return ids;
  throw new UsageError(
    `${line.place}: "ids" is ${JSON.stringify(ids).slice(0, 40)}; needed: a list of token ids`,
  );
}
