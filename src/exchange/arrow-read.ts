import { type RecordBatch, RecordBatchReader, type Schema } from 'apache-arrow';
import { cellsOf, isReadable } from './arrow-columns.ts';
import { messagesOf } from './arrow-messages.ts';
import type { ExchangeFile, ExchangeRow, ReadOptions } from './exchange.ts';
import { HEADER_KEY, readHeader } from './header.ts';
import { type ExchangeSource, type RandomReader, randomReader } from './random-reader.ts';
import { asCorrupt, corrupt } from './refusals.ts';
import { type Cells, type RowMaker, rowMaker } from './rows.ts';

const WHAT = 'Arrow file';

/**
 * Opens an Arrow stream or file (IPC, also called Feather), not compressed: an export, or one from elsewhere. Columns of structures, maps and bytes
 * are left out. A batch is in memory at a time.
 *
 * @throws SternaError `corrupt-file`; `invalid-input` for a column that is not there.
 */
export async function fromArrow(source: ExchangeSource, options: ReadOptions = {}): Promise<ExchangeFile> {
  const file = randomReader(source);
  try {
    const { schema } = await opened(file);
    const json = schema.metadata.get(HEADER_KEY);
    const header = json === undefined ? undefined : readHeader(WHAT, json);
    const names = schema.fields.filter(({ type }) => isReadable(type)).map(({ name }) => name);
    const maker = () => rowMaker(WHAT, names, header, options);
    maker();
    // Each walk over the rows begins anew.
    return { header, rows: { [Symbol.asyncIterator]: () => rowsOf(file, maker()) } };
  } catch (error) {
    throw asCorrupt(WHAT, error);
  }
}

async function opened(file: RandomReader): Promise<RecordBatchReader> {
  const reader = await RecordBatchReader.from(messagesOf(file));
  return await reader.open({ autoDestroy: true });
}

async function* rowsOf(file: RandomReader, maker: RowMaker): AsyncGenerator<ExchangeRow> {
  const batches = messagesToBatches(file);
  for await (const batch of batches) {
    let cells: Map<string, Cells>;
    try {
      cells = columnsOf(batch, maker);
    } catch (error) {
      throw asCorrupt(WHAT, error);
    }
    yield* maker.rows(cells, cells.get(maker.columns[0])!.length);
  }
}

async function* messagesToBatches(file: RandomReader): AsyncGenerator<RecordBatch> {
  const reader = await opened(file);
  try {
    for (;;) {
      const { done, value } = await reader.next();
      if (done) return;
      yield value as RecordBatch;
    }
  } catch (error) {
    throw asCorrupt(WHAT, error);
  } finally {
    await reader.cancel();
  }
}

function columnsOf({ schema, data }: RecordBatch, maker: RowMaker): Map<string, Cells> {
  const cells = new Map<string, Cells>();
  for (const name of maker.columns) {
    const column = data.children[placeOf(schema, name)];
    // The number of rows is what the columns have: a batch may claim any.
    const rows = data.children[placeOf(schema, maker.columns[0])].length;
    if (column.length !== rows)
      throw corrupt(WHAT, `column "${name}" has ${column.length} values of ${rows}`);
    cells.set(name, cellsOf(column));
  }
  return cells;
}

function placeOf(schema: Schema, name: string): number {
  return schema.fields.findIndex((field) => field.name === name && isReadable(field.type));
}
