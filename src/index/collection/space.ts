import { SternaError } from '../../errors.ts';

/** The space of a collection's vectors. */
export interface CollectionSpace {
  readonly id: string;
  readonly dimensions: number;
}

/** Vectors of one space are never compared with those of another. */
export function spaceMismatch(index: string, other: string): SternaError {
  return new SternaError(
    'space-mismatch',
    `The index has vectors of ${index} and the embedder makes ${other}; they cannot be compared. Call reindex() with the new embedder, or open the index with the old one.`,
  );
}
