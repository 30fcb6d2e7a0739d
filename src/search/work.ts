import type { Batch } from '../index/collection/changes.ts';
import type { CollectionSpace, Recovery, StoredPassages } from '../index/collection/collection.ts';
import type { CollectionSettings } from '../index/collection/manifest.ts';
import type { CollectionHit, CollectionQuery } from '../index/collection/query.ts';
import type { Metadata } from '../index/metadata/types.ts';
import type { Service } from '../tabs/service.ts';

/** Which of the two collections of an index: the one that is searched, or the one that is being made to take its place. */
export type Slot = 'current' | 'next';

/** A call of an index as a value. */
export type IndexWork =
  | { readonly kind: 'info' }
  | { readonly kind: 'apply'; readonly batch: Batch; readonly space?: CollectionSpace; readonly slot?: Slot }
  /** `space` is the one of the query's vector. */
  | { readonly kind: 'search'; readonly query: CollectionQuery; readonly space?: string }
  | { readonly kind: 'get'; readonly ids: readonly string[] }
  | { readonly kind: 'hashes'; readonly ids: readonly string[]; readonly slot?: Slot }
  | { readonly kind: 'ids'; readonly slot?: Slot }
  | { readonly kind: 'passages'; readonly ids: readonly string[] }
  | { readonly kind: 'compact' }
  /** Begins a collection that is to take the current one's place, or goes on with one of this space and these settings. */
  | { readonly kind: 'prepare'; readonly settings: CollectionSettings; readonly space: string }
  /** Puts the next collection in the place of the current one, which is removed, if both have the same documents by then. Done once for an operation. */
  | { readonly kind: 'swap'; readonly operation: string }
  /** Lets batches for the current collection wait, for some seconds unless it is said again; settles when those of before are done. */
  | { readonly kind: 'pause'; readonly owner: string }
  | { readonly kind: 'resume'; readonly owner: string }
  | { readonly kind: 'hold' }
  | { readonly kind: 'read'; readonly file: string; readonly start: number; readonly end: number }
  | { readonly kind: 'release' }
  /** Begins to take files in that are to take the current collection's place; what was to take it before is given up. */
  | { readonly kind: 'begin-import'; readonly operation: string }
  /** Writes bytes of one of the files. */
  | {
      readonly kind: 'write';
      readonly operation: string;
      readonly file: string;
      readonly at: number;
      readonly bytes: Uint8Array;
    }
  /** Opens the collection whose files were written, and puts it in the place of the current one. Done once for an operation. */
  | { readonly kind: 'adopt'; readonly operation: string; readonly manifest: string }
  | { readonly kind: 'cancel-import'; readonly operation: string };

/** A call of one kind. */
export type WorkOf<K extends IndexWork['kind']> = Extract<IndexWork, { kind: K }>;

/** A document as it was added. */
export interface StoredDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: Metadata | undefined;
}

/** The files of a collection, for an export. */
export interface HeldFiles {
  readonly manifest: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/** What comes of each kind of work. */
export interface IndexProducts {
  info: IndexReport;
  apply: IndexReport;
  search: readonly CollectionHit[];
  get: readonly (StoredDocument | undefined)[];
  hashes: readonly (string | undefined)[];
  ids: readonly string[];
  passages: readonly (StoredPassages | undefined)[];
  compact: IndexReport;
  prepare: IndexReport;
  /** Whether it was done, now or before. */
  swap: boolean;
  pause: undefined;
  resume: undefined;
  hold: HeldFiles;
  read: Uint8Array;
  release: undefined;
  'begin-import': undefined;
  write: undefined;
  adopt: IndexReport;
  'cancel-import': undefined;
}

/** Has work done by an index. */
export type Perform = <K extends IndexWork['kind']>(
  work: WorkOf<K>,
  signal?: AbortSignal,
) => Promise<IndexProducts[K]>;

/** What is to be known of an index. */
export interface IndexReport {
  /** Documents. */
  readonly documents: number;
  /** Passages; those of removed documents are counted until they are cleared away. */
  readonly passages: number;
  /** Absent until there is a vector. */
  readonly space?: CollectionSpace;
  readonly settings: CollectionSettings;
  /** Sealed segments. */
  readonly segments: number;
  /** Bytes of its files. */
  readonly bytes: number;
  /** How it is searched: planes of the codes that are scanned, and how many times k rows are looked at again; absent: everything is compared. */
  readonly plan?: { readonly planes: number; readonly oversample: number };
  /** Whether it is there at the next visit. */
  readonly lasting: boolean;
  /** Where it is kept. */
  readonly location: string;
  /** What it is searched with, such as `relaxed SIMD, 2 threads`. */
  readonly adapter: string;
  /** What opening has found out. */
  readonly recovery: Recovery;
  /** Why work in the background did not succeed the last time. */
  readonly failure?: string;
}

/** An index as what it answers to: in this process, in a worker, or in another tab. */
export type IndexServiceLink = Service<IndexWork, IndexProducts[IndexWork['kind']], IndexReport>;
