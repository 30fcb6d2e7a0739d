import { headerOf } from '../exchange-header.ts';
import type { SemanticIndex } from '../index.ts';
import { isIndexFile, openIndex } from '../index-place.ts';
import { UsageError } from '../json-lines.ts';
import { exchangeKindOf, loadArrow, loadParquet } from '../sources/exchange-packages.ts';
import { writeStream } from '../write-stream.ts';

/** What `sterna export` was told. */
export interface ExportCommand {
  /** A folder of an index, or a file of one. */
  readonly index: string;
  /** A file whose name says what is written: `.parquet`, `.arrow` or `.sterna`. */
  readonly output: string;
}

/** What was written. */
export interface Exported {
  readonly documents: number;
  readonly passages: number;
  /** Of the file. */
  readonly bytes: number;
}

/**
 * Writes an index as a file for other databases, or as one that takes its place elsewhere. No model is needed.
 *
 * @throws UsageError; SternaError as the index says.
 */
export async function exportIndex({ index: path, output }: ExportCommand): Promise<Exported> {
  if (!isIndexFile(output) && !exchangeKindOf(output))
    throw new UsageError(
      `--output is "${output}"; needed: a file name that ends in .parquet, .arrow or .sterna.`,
    );
  await using index = await openIndex(path);
  const bytes = await writeStream(output, await streamOf(index, path, output));
  const { documents, passages } = index.report;
  return { documents, passages, bytes };
}

async function streamOf(
  index: SemanticIndex,
  path: string,
  output: string,
): Promise<ReadableStream<Uint8Array>> {
  const kind = exchangeKindOf(output);
  if (!kind) return index.export();
  const header = headerOf(index, path);
  if (kind === 'parquet') return (await loadParquet()).toParquet(index.rows(), header);
  const format = /\.arrows$/i.test(output) ? 'stream' : 'file';
  return (await loadArrow()).toArrow(index.rows(), header, { format });
}
