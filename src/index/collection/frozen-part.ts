import type { DocumentIds, Part } from './part.ts';

/** The ids of a part with the removals that there were at a moment. */
class FrozenIds implements DocumentIds {
  readonly length: number;
  readonly size: number;
  private readonly kept: Uint32Array | undefined;

  constructor(private readonly ids: DocumentIds) {
    this.length = ids.length;
    this.size = ids.size;
    this.kept = ids.mask();
  }

  has(document: number): boolean {
    return !this.kept || ((this.kept[document >> 5] >>> (document & 31)) & 1) === 1;
  }

  at(document: number): string {
    return this.ids.at(document);
  }

  mask(): Uint32Array | undefined {
    return this.kept?.slice();
  }
}

/** A segment without the removals that come later: so it can be written anew while documents are removed from it. */
export class FrozenPart implements Part {
  readonly ids: DocumentIds;

  constructor(private readonly part: Part) {
    this.ids = new FrozenIds(part.ids);
  }

  get name() {
    return this.part.name;
  }

  get rows() {
    return this.part.rows;
  }

  get codes() {
    return this.part.codes;
  }

  get rerank() {
    return this.part.rerank;
  }

  get postings() {
    return this.part.postings;
  }

  get metadata() {
    return this.part.metadata;
  }

  firstRow(document: number): number {
    return this.part.firstRow(document);
  }

  documentOf(row: number): number {
    return this.part.documentOf(row);
  }

  range(row: number): readonly [number, number] {
    return this.part.range(row);
  }

  stored(document: number) {
    return this.part.stored(document);
  }

  /**
   * Numbers of the documents, in a segment that was written of such parts, that were removed since the parts were frozen.
   *
   * @param parts - in the order in which they were written.
   */
  static removedSince(parts: readonly FrozenPart[]): number[] {
    const removed: number[] = [];
    let written = 0;
    for (const { ids, part } of parts) {
      for (let document = 0; document < ids.length; document++) {
        if (!ids.has(document)) continue;
        if (!part.ids.has(document)) removed.push(written);
        written++;
      }
    }
    return removed;
  }
}
