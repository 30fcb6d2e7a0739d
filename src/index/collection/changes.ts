import type { Metadata } from '../metadata/types.ts';

/** A range of a document's text, with all that the index keeps of it. */
export interface IndexedPassage {
  /** UTF-16 range in the text. */
  readonly start: number;
  readonly end: number;
  /** `[dimensions]`, of unit length. */
  readonly vector: Float32Array;
  /** Its terms in order, where the collection keeps postings. */
  readonly terms?: Uint32Array;
}

/** A document, cut and embedded. */
export interface IndexedDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata?: Metadata;
  /** Of text and metadata, 16 hexadecimal digits; a document with the same one need not be indexed again. */
  readonly hash: string;
  readonly passages: readonly IndexedPassage[];
}

/** What is done as one: after a crash all of it is there, or nothing. */
export interface Batch {
  /** Names the operation: a second batch of the same name changes nothing. */
  readonly operation: string;
  /** Ids of documents to take out first; those that are not there are passed over. */
  readonly remove: readonly string[];
  /** Documents to put in; one of an id that is there replaces it. */
  readonly put: readonly IndexedDocument[];
}
