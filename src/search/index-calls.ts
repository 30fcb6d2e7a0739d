import type { IndexedDocument } from '../index/collection/changes.ts';
import type { CollectionSpace } from '../index/collection/collection.ts';
import type { SearchDocument } from './index-types.ts';
import type { Indexer } from './indexer.ts';
import type { IndexReport, IndexServiceLink, Perform, Slot } from './work.ts';

/** Calls of an index, wherever it is. Batches get names, by which one that comes twice is recognised. */
export class IndexCalls {
  private readonly name = crypto.randomUUID();
  private operations = 0;

  constructor(private readonly service: IndexServiceLink) {}

  get report(): IndexReport {
    return this.service.report;
  }

  readonly perform: Perform = async (work, signal) => (await this.service.perform(work, signal)) as never;

  /** Puts in and takes out as one. @param space - of the vectors, where there are any. */
  async apply(
    put: readonly IndexedDocument[],
    remove: readonly string[],
    space?: CollectionSpace,
    slot?: Slot,
  ): Promise<void> {
    const operation = `${this.name} ${++this.operations}`;
    await this.perform({ kind: 'apply', batch: { operation, put, remove }, space, slot });
  }

  /** Cuts, embeds and puts in. */
  async put(
    group: readonly SearchDocument<object>[],
    indexer: Indexer,
    signal?: AbortSignal,
    slot?: Slot,
  ): Promise<void> {
    const { documents, space } = await indexer.index(group, signal);
    await this.apply(documents, [], space, slot);
  }

  dispose(): void {
    this.service.dispose();
  }
}
