import { open } from 'node:fs/promises';
import type { ExchangeFile, ExchangeRow } from '../../exchange/exchange.ts';
import type { RandomReader } from '../../exchange/random-reader.ts';
import type { SearchDocument } from '../../search/index-types.ts';
import { UsageError } from '../json-lines.ts';
import { type ExchangeKind, loadArrow, loadParquet } from './exchange-packages.ts';

/** An opened Parquet or Arrow file. */
export interface ExchangeInput extends ExchangeFile {
  close(): Promise<void>;
}

/** @throws UsageError for a file that cannot be read; SternaError `corrupt-file`, `invalid-input` as `sterna/exchange` says. */
export async function openExchange(path: string, kind: ExchangeKind): Promise<ExchangeInput> {
  const read = kind === 'parquet' ? (await loadParquet()).fromParquet : (await loadArrow()).fromArrow;
  const file = await open(path).catch((error: Error) => {
    throw new UsageError(`${path} cannot be read: ${error.message}`);
  });
  try {
    const reader: RandomReader = {
      size: (await file.stat()).size,
      async read(start, end) {
        const bytes = new Uint8Array(end - start);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
        return bytes.subarray(0, bytesRead);
      },
    };
    return { ...(await read(reader)), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The documents of rows, to be embedded anew. */
export async function* documentsOf(rows: AsyncIterable<ExchangeRow>): AsyncGenerator<SearchDocument> {
  for await (const { id, document, metadata } of rows)
    if (document !== undefined) yield { id, text: document, metadata };
}
