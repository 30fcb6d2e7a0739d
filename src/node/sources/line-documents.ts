import type { SearchDocument } from '../../search/index-types.ts';
import { idOf, readJsonLines, textOf } from '../json-lines.ts';

/**
 * Documents of a file with `{"id","text"}` a line; the other fields of a line are metadata.
 *
 * @param path - a file, or `-` for standard input.
 * @throws UsageError that names the line.
 */
export async function* lineDocuments(path: string): AsyncGenerator<SearchDocument> {
  for await (const line of readJsonLines(path)) {
    const { id: _, text: __, ...metadata } = line.value;
    const hasMetadata = Object.keys(metadata).length > 0;
    yield { id: String(idOf(line)), text: textOf(line), metadata: hasMetadata ? metadata : undefined };
  }
}
