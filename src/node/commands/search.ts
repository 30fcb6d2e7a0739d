import { SternaError } from '../../errors.ts';
import type { Filter } from '../../index/metadata/types.ts';
import { type Embedder, type SearchHit, SemanticIndex } from '../index.ts';
import { openIndex } from '../index-place.ts';
import { UsageError } from '../json-lines.ts';
import { lineDocuments } from '../sources/line-documents.ts';

const MODES = ['vector', 'lexical', 'hybrid'] as const;

/** What `sterna search` was told. */
export interface SearchCommand {
  /** What is searched: a folder of an index, a file of one, or a file with `{"id","text"}` a line. */
  readonly source: { readonly index: string } | { readonly documents: string };
  readonly query: string;
  /** Of the vectors of documents; an index has its own. */
  readonly dimensions?: number;
  /** Most hits. */
  readonly k: number;
  /** What to search: `vector` (default), `lexical` or `hybrid`. */
  readonly mode?: string;
  /** A filter as JSON. */
  readonly filter?: string;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Searches once: an index, or documents, which are indexed in memory. Other fields of a document's line are its metadata.
 *
 * @throws UsageError; SternaError as {@link SemanticIndex.search} says.
 */
export async function search(embedder: Embedder, command: SearchCommand): Promise<SearchHit[]> {
  const { query, k } = command;
  const mode = modeOf(command.mode);
  const filter = filterOf(command.filter);
  const { source } = command;
  await using index =
    'index' in source
      ? await ofIndex(embedder, source.index, command)
      : await ofDocuments(embedder, source.documents, command);
  return await index.search(query, { k, mode, filter });
}

async function ofIndex(
  embedder: Embedder,
  path: string,
  { dimensions }: SearchCommand,
): Promise<SemanticIndex> {
  if (dimensions !== undefined)
    throw new UsageError('--dimensions goes with --documents: an index has its own.');
  const index = await openIndex(path, embedder);
  try {
    const { space } = await embedder.embed([], {
      task: 'query',
      dimensions: index.report.settings.dimensions,
    });
    if (index.space === undefined || index.space === space.id) return index;
    throw new SternaError(
      'space-mismatch',
      `The index ${path} has vectors of ${index.space} and the model makes ${space.id}; needed: --model with the one that the index was made with.`,
    );
  } catch (error) {
    await index.dispose();
    throw error;
  }
}

async function ofDocuments(
  embedder: Embedder,
  path: string,
  { dimensions, onProgress }: SearchCommand,
): Promise<SemanticIndex> {
  const documents = [];
  for await (const document of lineDocuments(path)) documents.push(document);
  const index = await SemanticIndex.open({ embedder, dimensions, codes: 'float32' });
  try {
    await index.add(documents, { onProgress: ({ done, total }) => onProgress(done, total) });
    return index;
  } catch (error) {
    await index.dispose();
    throw error;
  }
}

function modeOf(word: string | undefined): (typeof MODES)[number] | undefined {
  const mode = MODES.find((one) => one === word);
  if (mode || word === undefined) return mode;
  throw new UsageError(`--mode is "${word}"; needed: ${MODES.join(', ')}.`);
}

function filterOf(json: string | undefined): Filter | undefined {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(
      `--filter is not JSON (${(error as Error).message}); needed: {"field": "value"} or the like.`,
    );
  }
}
