import { SternaError } from '../../errors.ts';
import type { ExchangeRow } from '../../exchange/exchange.ts';
import { metadataToJson } from '../../index/metadata/codec.ts';
import type { SearchDocument, SyncOptions, SyncResult } from '../../search/index-types.ts';
import type { SemanticIndex } from '../semantic-index.ts';

/** Documents that are compared, and ids that are removed, at a time. */
const STEP = 256;

/**
 * As {@link SemanticIndex.sync}, for documents that are cut and embedded already: their vectors are taken as they are. A document whose text and metadata
 * are in the index is passed over, whatever its vectors.
 *
 * @param space - of the vectors.
 * @throws SternaError `duplicate-id`, `space-mismatch`, or as {@link SemanticIndex.addRows} says.
 */
export async function syncRows(
  index: SemanticIndex,
  rows: AsyncIterable<ExchangeRow>,
  space: { readonly id: string; readonly dimensions: number },
  { signal, onProgress }: SyncOptions = {},
): Promise<SyncResult> {
  const seen = new Set<string>();
  const result = { added: 0, updated: 0, unchanged: 0, removed: 0 };
  for await (const group of documentGroups(rows)) {
    signal?.throwIfAborted();
    const changed: ExchangeRow[] = [];
    for (const own of group) {
      const { id } = own[0];
      if (seen.has(id))
        throw new SternaError('duplicate-id', `Two documents of the source have the id "${id}".`);
      const there = await index.get(id);
      const isSame = there !== undefined && isEqual(there, own[0]);
      if (!isSame) changed.push(...own);
      seen.add(id);
      result[isSame ? 'unchanged' : there ? 'updated' : 'added']++;
    }
    if (changed.length > 0) await index.addRows(inTurn(changed), { space, signal });
    onProgress?.({ ...result });
  }
  const gone = (await index.keys()).filter((id) => !seen.has(id));
  for (let at = 0; at < gone.length; at += STEP) {
    signal?.throwIfAborted();
    await index.remove(gone.slice(at, at + STEP));
  }
  result.removed = gone.length;
  onProgress?.({ ...result });
  return result;
}

/** Rows of whole documents, in groups. */
async function* documentGroups(rows: AsyncIterable<ExchangeRow>): AsyncGenerator<ExchangeRow[][]> {
  let group: ExchangeRow[][] = [];
  for await (const row of rows) {
    // A first row without a document is refused by addRows.
    if (row.document === undefined && group.length > 0) {
      group[group.length - 1].push(row);
      continue;
    }
    if (group.length === STEP) {
      yield group;
      group = [];
    }
    group.push([row]);
  }
  if (group.length > 0) yield group;
}

function isEqual(document: SearchDocument, { document: text, metadata }: ExchangeRow): boolean {
  return document.text === text && jsonOf(document.metadata) === jsonOf(metadata);
}

function jsonOf(metadata: SearchDocument['metadata']): string | undefined {
  return metadata && metadataToJson(metadata);
}

async function* inTurn(rows: readonly ExchangeRow[]): AsyncGenerator<ExchangeRow> {
  yield* rows;
}
