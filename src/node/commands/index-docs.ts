import { existsSync, statSync } from 'node:fs';
import { SternaError } from '../../errors.ts';
import { CODE_KINDS, type CodeKind } from '../../index/vectors/code-layout.ts';
import type { SearchDocument, SyncOptions, SyncResult } from '../../search/index-types.ts';
import { headerOf } from '../exchange-header.ts';
import type { Embedder } from '../index.ts';
import { fileStream, isIndexFile, placeOf, workFolder } from '../index-place.ts';
import { UsageError } from '../json-lines.ts';
import { SemanticIndex } from '../semantic-index.ts';
import { exchangeKindOf } from '../sources/exchange-packages.ts';
import { documentsOf, openExchange } from '../sources/exchange-source.ts';
import { folderDocuments } from '../sources/folder-documents.ts';
import { lineDocuments } from '../sources/line-documents.ts';
import { pickFields } from '../sources/pick-fields.ts';
import { syncRows } from '../sources/sync-rows.ts';
import { hasShards, writeShards } from '../write-shards.ts';
import { writeStream } from '../write-stream.ts';

/** What `sterna index` was told. */
export interface IndexCommand {
  /** A folder of texts, a file of JSON lines, `-`, or a `.parquet` or `.arrow` file. */
  readonly source: string;
  /** A folder, or a file whose name ends in `.sterna`. */
  readonly output: string;
  /** Whether `output` is a folder for a static host, whose pages search it. */
  readonly sharded?: boolean;
  /** Loads the model, once it is known that the rest can be done. */
  readonly load: () => Promise<Embedder>;
  readonly dimensions?: number;
  readonly codes?: string;
  readonly passageTokens?: number;
  /** Fields of metadata that are kept, with commas between them. Default: all. */
  readonly metadata?: string;
  /** Whether an index of another model or other settings is made anew from its texts. */
  readonly reindex?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress: (words: string) => void;
}

/** What was done. */
export interface Indexed extends SyncResult {
  readonly documents: number;
  readonly passages: number;
  /** Of the files of the index, or of those that were published. */
  readonly bytes: number;
  /** Files that were published and are new or have changed, and those that are as they were. */
  readonly published?: { readonly written: number; readonly kept: number };
  readonly model: string;
  /** Whether the vectors were those of the source. */
  readonly ready: boolean;
}

type Settings = Pick<IndexCommand, 'dimensions' | 'passageTokens'> & { readonly codes?: CodeKind };

/**
 * Makes an index of a source, or brings one in line with it. What is done stays done: after an abort or a crash the same call goes on.
 *
 * An index that is written as one file or published is kept in a folder of the cache besides, so that the next call embeds only what has changed.
 *
 * @throws UsageError; SternaError as {@link SemanticIndex} says; the signal's reason.
 */
export async function indexDocuments(command: IndexCommand): Promise<Indexed> {
  const { output, sharded, signal } = command;
  checkPlaces(command);
  const settings: Settings = { ...command, codes: codesOf(command.codes) };
  await using embedder = await command.load();
  const isFile = isIndexFile(output);
  const folder = isFile || sharded ? workFolder(output) : output;
  const { dimensions, codes, passageTokens } = settings;
  await using index = await SemanticIndex.open({
    embedder,
    folder,
    dimensions,
    codes,
    passageTokens,
    signal,
  });
  if (index.size === 0 && isFile && existsSync(output)) await index.import(fileStream(output));
  await conform(index, embedder, settings, command);
  const { result, ready } = await bringInLine(index, embedder, command);
  const written = await writeOut(index, command);
  const { documents, passages, bytes } = index.report;
  return { ...result, documents, passages, bytes, ...written, ready, model: embedder.report.model };
}

/** Writes the index as what was asked for besides its folder. */
async function writeOut(
  index: SemanticIndex,
  { output, sharded, signal, onProgress }: IndexCommand,
): Promise<Pick<Indexed, 'published'> & { bytes?: number }> {
  if (sharded) {
    onProgress(`publishing ${output}`);
    const { bytes, written, kept } = await writeShards(index.rows(), headerOf(index, output), output, {
      signal,
    });
    return { bytes, published: { written: written.length, kept: kept.length } };
  }
  if (!isIndexFile(output)) return {};
  onProgress(`writing ${output}`);
  await index.compact();
  return { bytes: await writeStream(output, index.export()) };
}

function checkPlaces({ source, output, sharded }: IndexCommand): void {
  if (source !== '-' && !existsSync(source)) throw new UsageError(`There is no file or folder ${source}.`);
  if (sharded) {
    if (placeOf(output) === 'empty' || hasShards(output)) return;
    throw new UsageError(
      `${output} has other files; needed: a new or empty folder, or one that --sharded wrote to before.`,
    );
  }
  const isFine = isIndexFile(output) ? !isFolder(output) : placeOf(output) !== 'other';
  if (isFine) return;
  throw new UsageError(
    `${output} is there and is no index; needed: a new or empty folder, one of an index, or a file name that ends in .sterna.`,
  );
}

function codesOf(word: string | undefined): CodeKind | undefined {
  const codes = CODE_KINDS.find((kind) => kind === word);
  if (codes || word === undefined) return codes;
  throw new UsageError(`--codes is "${word}"; needed: ${CODE_KINDS.join(', ')}.`);
}

/** Sees to it that an index that was there has the model and the settings that are asked for. */
async function conform(
  index: SemanticIndex,
  embedder: Embedder,
  settings: Settings,
  { output, reindex, signal, onProgress }: IndexCommand,
): Promise<void> {
  const others = differences(index, settings);
  const { id } = await spaceOf(index, embedder, settings.dimensions);
  if (index.space !== undefined && index.space !== id) others.push(`vectors of ${index.space}, not ${id}`);
  if (others.length === 0) return;
  if (!reindex && index.size > 0) {
    const code = index.space === id ? 'invalid-input' : 'space-mismatch';
    throw new SternaError(
      code,
      `The index ${output} has ${others.join(' and ')}. Say what it has, add --reindex to embed its texts anew, or make another index.`,
    );
  }
  const { dimensions, codes, passageTokens } = settings;
  await index.reindex({
    embedder,
    dimensions,
    codes,
    passageTokens,
    signal,
    onProgress: ({ done, total }) => onProgress(`${done} of ${total} documents embedded anew`),
  });
}

function differences({ report }: SemanticIndex, { codes, passageTokens }: Settings): string[] {
  const { settings } = report;
  const found: string[] = [];
  if (codes !== undefined && codes !== settings.codes) found.push(`${settings.codes} codes, not ${codes}`);
  if (passageTokens !== undefined && passageTokens !== settings.passageTokens)
    found.push(`passages of ${settings.passageTokens} tokens, not ${passageTokens}`);
  return found;
}

/** The space of what the embedder would make for an index. */
async function spaceOf({ report }: SemanticIndex, embedder: Embedder, dimensions?: number) {
  const length = dimensions ?? report.settings.dimensions;
  const { space } = await embedder.embed([], { task: 'document', dimensions: length });
  return space;
}

async function bringInLine(
  index: SemanticIndex,
  embedder: Embedder,
  { source, metadata, signal, onProgress }: IndexCommand,
): Promise<{ result: SyncResult; ready: boolean }> {
  const fields = metadata === undefined ? undefined : new Set(metadata.split(','));
  const options: SyncOptions = { signal, onProgress: (done) => onProgress(wordsOf(done)) };
  const sync = (documents: AsyncIterable<SearchDocument>) =>
    index.sync(someOf(documents, source, fields), options);
  const kind = source === '-' ? undefined : exchangeKindOf(source);
  if (!kind) {
    const documents = isFolder(source) ? folderDocuments(source) : lineDocuments(source);
    return { result: await sync(documents), ready: false };
  }
  const file = await openExchange(source, kind);
  try {
    const { id, dimensions } = await spaceOf(index, embedder);
    const ready = file.header?.space === id;
    if (!ready) return { result: await sync(documentsOf(file.rows)), ready };
    const rows = someOf(file.rows, source, fields);
    return { result: await syncRows(index, rows, { id, dimensions }, options), ready };
  } finally {
    await file.close();
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** All that a source has, with some fields of metadata. A source without any is taken for a mistake: nothing would be left of the index. */
async function* someOf<T extends { readonly metadata?: object }>(
  all: AsyncIterable<T>,
  source: string,
  fields: ReadonlySet<string> | undefined,
): AsyncGenerator<T> {
  let isEmpty = true;
  for await (const one of all) {
    isEmpty = false;
    yield pickFields(one, fields);
  }
  if (isEmpty) throw new UsageError(`There is no document in ${source === '-' ? 'standard input' : source}.`);
}

/** What was done, for people. */
export function wordsOf({ added, updated, unchanged, removed }: SyncResult): string {
  return `${added} added, ${updated} updated, ${unchanged} unchanged, ${removed} removed`;
}
