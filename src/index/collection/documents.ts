import type { IdTable } from '../ids/id-table.ts';
import type { Metadata } from '../metadata/types.ts';
import type { Batch } from './changes.ts';
import type { Head } from './head.ts';
import type { Leasable } from './leases.ts';
import type { Part } from './part.ts';
import { corrupt } from './section-file.ts';
import type { Segment } from './segment.ts';
import { readText } from './stored-text.ts';

/** A document with its passages. */
export interface StoredPassages extends StoredDocument {
  readonly passages: readonly {
    readonly start: number;
    readonly end: number;
    readonly vector: Float32Array;
  }[];
}

/** A document as it was put in. */
export interface StoredDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: Metadata | undefined;
}

/** A part whose documents can be removed. */
type OpenPart = Part & Leasable & { readonly ids: IdTable };

/** The documents of a collection, wherever they are: in segments, or in the head. An id is in one of them at most. */
export class Documents {
  /** Sealed ones, of which none changes but for its removed documents. */
  segments: readonly Segment[];
  /** Nothing until there is a vector. */
  head: Head | undefined;

  constructor(segments: readonly Segment[], head: Head | undefined) {
    this.segments = segments;
    this.head = head;
  }

  get parts(): readonly OpenPart[] {
    return this.head ? [...this.segments, this.head] : this.segments;
  }

  /** Number of documents. */
  get size(): number {
    return this.parts.reduce((sum, { ids }) => sum + ids.size, 0);
  }

  /** Number of passages, those of removed documents included until their segment is written anew. */
  get rows(): number {
    return this.parts.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Does what a batch says; there is a head where it puts documents in. */
  take({ remove, put }: Batch): void {
    for (const id of remove) this.remove(id);
    for (const document of put) {
      this.remove(document.id);
      this.head!.add(document);
    }
  }

  /** A document; nothing where there is none. @throws SternaError `corrupt-file`. */
  get(id: string): StoredDocument | undefined {
    const place = this.find(id);
    return place && documentAt(place.part, place.document);
  }

  /** The hash of a document's text and metadata; nothing where there is no such document. @throws SternaError `corrupt-file`. */
  hash(id: string): string | undefined {
    const place = this.find(id);
    return place?.part.stored(place.document).hash;
  }

  has(id: string): boolean {
    return this.find(id) !== undefined;
  }

  /** Ids, part by part; the documents must stay as they are meanwhile. */
  *ids(): Generator<string> {
    for (const { ids } of this.parts)
      for (let document = 0; document < ids.length; document++) if (ids.has(document)) yield ids.at(document);
  }

  /** A document with the ranges and vectors of its passages, as near as the finest codes have them. @throws SternaError `corrupt-file`. */
  passages(id: string): StoredPassages | undefined {
    const place = this.find(id);
    if (!place) return undefined;
    const { part, document } = place;
    const first = part.firstRow(document);
    const passages = Array.from({ length: part.firstRow(document + 1) - first }, (_, i) => {
      const [start, end] = part.range(first + i);
      return { start, end, vector: (part.rerank ?? part.codes).row(first + i) };
    });
    return { ...documentAt(part, document), passages };
  }

  private remove(id: string): void {
    const place = this.find(id);
    place?.part.ids.remove(place.document);
  }

  private find(id: string): { part: OpenPart; document: number } | undefined {
    for (const part of this.parts) {
      const document = part.ids.find(id);
      if (document >= 0) return { part, document };
    }
    return undefined;
  }
}

function documentAt(part: OpenPart, document: number): StoredDocument {
  const stored = part.stored(document);
  const { text, metadata } = readText(stored, (words, cause) => corrupt(part.name, words, cause));
  return { id: part.ids.at(document), text, metadata };
}
