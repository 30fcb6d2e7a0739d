import { type Embedder, type SearchDocument, type SearchHit, SemanticIndex } from '../index.ts';
import { idOf, readJsonLines, textOf } from '../json-lines.ts';

/** What `sterna search` was told. */
export interface SearchCommand {
  /** Path of a file with `{"id","text"}` a line. */
  readonly documents: string;
  readonly query: string;
  readonly dimensions?: number;
  /** Most hits. */
  readonly k: number;
  readonly onProgress: (done: number, total: number) => void;
}

/** Indexes documents in memory and searches them once. Other fields of a line are the document's metadata. */
export async function search(
  embedder: Embedder,
  { documents: path, query, dimensions, k, onProgress }: SearchCommand,
): Promise<SearchHit<Record<string, unknown>>[]> {
  const documents: SearchDocument<Record<string, unknown>>[] = [];
  for await (const line of readJsonLines(path)) {
    const { id: _, text: __, ...metadata } = line.value;
    documents.push({ id: String(idOf(line)), text: textOf(line), metadata });
  }
  await using index = await SemanticIndex.open<Record<string, unknown>>({
    embedder,
    dimensions,
    codes: 'float32',
  });
  await index.add(documents, { onProgress: ({ done, total }) => onProgress(done, total) });
  return await index.search(query, { k });
}
