import { SternaError } from '../errors.ts';
import { contentHash } from '../index/collection/content-hash.ts';
import { metadataToJson } from '../index/metadata/codec.ts';
import type { Metadata } from '../index/metadata/types.ts';
import type { SearchDocument } from './index-types.ts';

/** @returns the ids. @throws SternaError `invalid-input`, `duplicate-id`. */
export function checkDocuments(documents: readonly SearchDocument<object>[]): string[] {
  const ids = new Set<string>();
  for (const { id, text } of documents) {
    if (typeof id !== 'string' || id === '' || /\p{Surrogate}/u.test(id)) {
      throw new SternaError(
        'invalid-input',
        `The id of a document is ${JSON.stringify(id)}; needed: a well-formed string that is not empty.`,
      );
    }
    if (typeof text !== 'string')
      throw new SternaError(
        'invalid-input',
        `The text of document "${id}" is a ${typeof text}; needed: a string.`,
      );
    if (ids.has(id)) throw new SternaError('duplicate-id', `Two of the documents have the id "${id}".`);
    ids.add(id);
  }
  return [...ids];
}

/** Of text and metadata, 16 hexadecimal digits: a document with the same one has not changed. @throws SternaError `invalid-input` for metadata that JSON cannot hold. */
export function hashOf({ text, metadata }: SearchDocument<object>): string {
  return contentHash(text, metadata === undefined ? '' : metadataToJson(metadata as Metadata));
}

/** What is added is there already. */
export function duplicate(id: string): SternaError {
  return new SternaError('duplicate-id', `Document "${id}" is in the index already; update or remove it.`);
}
