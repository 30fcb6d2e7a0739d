import { SternaError } from '../errors.ts';
import type { ExchangeHeader, ExchangeRow, ExchangeRows } from './exchange.ts';
import { invalid } from './refusals.ts';

/** A group of rows is full with so many, or with so many UTF-16 units of text: its columns are held in memory. */
const BATCH_ROWS = 2048;
const BATCH_UNITS = 1 << 23;

/** Rows in groups, checked. @throws SternaError `invalid-input`, `invalid-vector`. */
export async function* batchesOf(
  rows: ExchangeRows,
  header: ExchangeHeader,
): AsyncGenerator<readonly ExchangeRow[]> {
  let batch: ExchangeRow[] = [];
  let units = 0;
  for await (const row of rows) {
    checkRow(row, header);
    batch.push(row);
    units += row.text.length + (row.document?.length ?? 0);
    if (batch.length < BATCH_ROWS && units < BATCH_UNITS) continue;
    yield batch;
    batch = [];
    units = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Largest number of a passage's columns. */
const MOST = 2 ** 31 - 1;

function checkRow(row: ExchangeRow, { dimensions }: ExchangeHeader): void {
  const { id, text, document, metadata, vector } = row;
  if (typeof id !== 'string' || id === '')
    throw invalid(`The id of a row is ${JSON.stringify(id)}; needed: a string that is not empty.`);
  if (typeof text !== 'string' || (document !== undefined && typeof document !== 'string'))
    throw invalid(`The text of document "${id}" is none; needed: a string.`);
  for (const name of ['passage', 'start', 'end'] as const) {
    const value = row[name];
    if (!Number.isInteger(value) || value < 0 || value > MOST)
      throw invalid(`${name} is ${value} in document "${id}"; needed: a whole number.`);
  }
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null))
    throw invalid(`The metadata of document "${id}" is no object.`);
  if (vector !== undefined && vector.length !== dimensions) {
    throw new SternaError(
      'invalid-vector',
      `A vector of document "${id}" has ${vector.length} dimensions; needed: ${dimensions}, as the header says.`,
    );
  }
}
